"""The cron Worker on Cloudflare."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import own_name
from infra.release import worker_script
from infra.targets.base import Plan, cloud_of

MODULE = "queue-tick.js"
COMPATIBILITY_DATE = "2026-07-01"
"""The same as on a machine of one's own (``tools/cloudflare/clock.mjs``)."""

FLAGS = ("global_fetch_strictly_public",)
"""A Worker's request to a zone of its own account may go to the origin directly, around the zone's rules, and then
without the proof that the load balancer wants; this sends it in by the front door like everybody's."""


@dataclass(frozen=True)
class CronWorkerArgs:
    """``app_url``: where the app is; ``queue_token``: what it accepts, a secret."""

    plan: Plan
    app_url: Input[str]
    queue_token: Input[str]


class CronWorker(pulumi.ComponentResource):
    """The release's script with the token as a secret binding, and the trigger that runs it. A rotated token changes
    the binding and leaves the script as it is. A new trigger takes up to a quarter of an hour to reach Cloudflare's
    machines; the first tick is sent by the deployment itself."""

    script_digest: Output[str]
    """Of the script, as :func:`infra.release.worker_script.digest` has it."""

    def __init__(self, name: str, args: CronWorkerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:edge:CronWorker", name, None, opts)
        self._args = args
        self._account = cloud_of(args.plan).cloudflare_account
        self._child = ResourceOptions(parent=self)
        self._content = self._render()
        self._script = self._create_script()
        self._create_trigger()
        self.script_digest = Output.all(self._content, self._script.id).apply(lambda it: worker_script.digest(it[0]))
        self.register_outputs({"script_digest": self.script_digest})

    def _render(self) -> Output[str]:
        plan = self._args.plan
        script = plan.runtime.cron_script or worker_script.render(plan.environment.queue_tick, worker_script.APP_URL)
        return Output.from_input(self._args.app_url).apply(lambda url: worker_script.with_address(script, url))

    def _create_script(self) -> cloudflare.WorkersScript:
        token = cloudflare.WorkersScriptBindingArgs(
            name=worker_script.SECRET, type="secret_text", text=self._args.queue_token
        )
        return cloudflare.WorkersScript(
            "queue-tick",
            account_id=self._account,
            script_name=_name(self._args.plan),
            main_module=MODULE,
            content=self._content,
            bindings=[token],
            compatibility_date=COMPATIBILITY_DATE,
            compatibility_flags=list(FLAGS),
            observability=cloudflare.WorkersScriptObservabilityArgs(enabled=True),
            opts=self._child,
        )

    def _create_trigger(self) -> None:
        cron = worker_script.cron(self._args.plan.runtime.cron_interval)
        cloudflare.WorkersCronTrigger(
            "every-interval",
            account_id=self._account,
            script_name=self._script.script_name,
            schedules=[cloudflare.WorkersCronTriggerScheduleArgs(cron=cron)],
            opts=self._child,
        )


def _name(plan: Plan) -> str:
    return own_name(f"{cloud_of(plan).product}-{plan.stack}-queue-tick")
