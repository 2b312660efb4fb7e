"""Host names, TLS and the switch between releases, by Caddy."""

from pulumi import Output, ResourceOptions

from infra.targets.base import Plan
from infra.targets.local.process import VISITED, Processes
from infra.targets.local.resources import Gateway, GatewayArgs, Route, RouteArgs
from infra.wiring import Address


class Domains:
    """The gateway, which is there from the start, and the route to a release, which is set when that is verified."""

    def __init__(self, plan: Plan, opts: ResourceOptions) -> None:
        self._plan = plan
        self._opts = opts
        counts: dict[str, int] = {process.name: process.scaling.min for process in plan.environment.processes}
        hosts = {plan.hosts.app: "app", _cdn(plan): "app", plan.hosts.realtime: "realtime"}
        replicas: dict[str, int] = {name: counts[name] for name in VISITED}
        self.gateway = Gateway("gateway", GatewayArgs(str(plan.directory), hosts, replicas, plan.tls, plan.port), opts)
        self.address = self._address()

    def route(self, processes: Processes) -> Route:
        """Send visitors to these processes, once they are verified."""
        generations: dict[str, Output[str]] = {name: processes.services[name].generation for name in VISITED}
        opts = ResourceOptions(parent=self._opts.parent, depends_on=[self.gateway, processes.verification])
        return Route("route", RouteArgs(str(self._plan.directory), self._plan.release, generations), opts)

    def _address(self) -> Address:
        scheme = "https" if self._plan.tls else "http"
        port = self.gateway.bound_port.apply(lambda number: str(int(number)))
        return Address(
            app_url=Output.concat(scheme, "://", self._plan.hosts.app, ":", port),
            widget_url=Output.concat(scheme, "://", _cdn(self._plan), ":", port, "/widget/widget.js"),
            scheme=scheme,
            realtime_host=self._plan.hosts.realtime,
            port=port,
        )


def _cdn(plan: Plan) -> str:
    return plan.hosts.cdn or plan.hosts.app
