"""The host names that an owner of a load balancer serves: exact ones, or one level below a domain (``*.…``)."""

from collections.abc import Sequence

from infra.model import Domains


def own_names(hosts: Domains) -> tuple[str, ...]:
    """Those of a whole environment, each once: the widget's host may be the app's."""
    return tuple(dict.fromkeys((hosts.app, hosts.cdn or hosts.app, hosts.realtime)))


def base_names(domain: str) -> tuple[str, ...]:
    """Those of all stacks on a base: one wildcard, so that a pull request needs no certificate of its own."""
    return (f"*.{domain}",)


def matching(names: Sequence[str]) -> str:
    """The expression of Cloudflare's rules language for requests to these names, and to no other of the zone."""
    exact = " ".join(f'"{name}"' for name in names if not name.startswith("*."))
    parts = [f"http.host in {{{exact}}}"] if exact else []
    parts += [f'ends_with(http.host, "{name[1:]}")' for name in names if name.startswith("*.")]
    return f"({' or '.join(parts)})"


def beyond_universal(names: Sequence[str], zone: str) -> tuple[str, ...]:
    """The names that Cloudflare's free certificate of a zone leaves out: it has the zone and one level below it."""
    return tuple(name for name in names if name not in (zone, f"*.{zone}") and name.partition(".")[2] != zone)
