"""The cron Worker of the local target."""

from pulumi import Output, ResourceOptions

from infra.release import worker_script
from infra.targets.base import Plan
from infra.targets.local.domains import Domains
from infra.targets.local.resources import CronRuntime, CronRuntimeArgs, CronWorker, CronWorkerArgs, Release, Route


def create_cron_runtime(plan: Plan, release: Release, opts: ResourceOptions) -> CronRuntime:
    """What runs the Worker. It needs nothing, but starts after the release was stored, when a processor is free: while
    the database starts."""
    args = CronRuntimeArgs(str(plan.directory))
    return CronRuntime("cron-runtime", args, ResourceOptions.merge(opts, ResourceOptions(depends_on=[release])))


def create_cron_worker(
    plan: Plan, domains: Domains, token: Output[str], after: tuple[CronRuntime, Route], opts: ResourceOptions
) -> CronWorker:
    """The release's script. It waits for the route, so that its first tick reaches the release that it belongs to; and
    nothing waits for it."""
    script = plan.runtime.cron_script or worker_script.render(plan.environment.queue_tick, worker_script.APP_URL)
    url = domains.address.app_url
    args = CronWorkerArgs(
        directory=str(plan.directory),
        script=Output.from_input(url).apply(lambda address: worker_script.with_address(script, address)),
        url=url,
        interval=plan.runtime.cron_interval,
        cron=worker_script.cron(plan.runtime.cron_interval),
        token=token,
        ca_certificate=domains.gateway.ca_certificate,
    )
    return CronWorker("cron-worker", args, ResourceOptions.merge(opts, ResourceOptions(depends_on=list(after))))
