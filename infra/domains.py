"""The host names of one stack, from the templates of its environment."""

from __future__ import annotations

from infra.errors import UserError
from infra.kinds import fill, is_host
from infra.model import Domains


def hosts(domains: Domains, domain: str, stack: str) -> Domains:
    """Fill `{domain}` and `{stack}`; the widget's host is the app's where none is given, so `cdn` is always there."""
    app = _host(domains.app, domain, stack)
    cdn = _host(domains.cdn, domain, stack) if domains.cdn else app
    return Domains(app=app, cdn=cdn, realtime=_host(domains.realtime, domain, stack))


def _host(template: str, domain: str, stack: str) -> str:
    host = fill(template, {"domain": domain, "stack": stack})
    if not is_host(host):
        raise UserError(
            f'Stack {stack} would serve "{host}", which is no valid host name: between two dots are at most 63'
            " lower-case letters, digits and hyphens. Choose another stack name (`pulumi stack init pr-1`)"
            " or domain (`pulumi config set pitchbar:domain pitchbar.example`)."
        )
    return host
