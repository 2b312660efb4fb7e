"""Which network addresses the crawler may connect to: never ones inside our own network.

The check is made on the address that is then really connected to. A name that changes its address between the check
and the connection (rebinding) gains nothing, because the connection does not look the name up again.
"""

from __future__ import annotations

import ipaddress
import socket

from pitchbar_app.crawl.outcome import Permanent

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PORTS = frozenset({80, 443})
MOST_TRIED = 3


def resolve(host: str, port: int, *, guarded: bool) -> tuple[str, ...]:
    """The numeric addresses to try in turn. Raises `Permanent` when there is none, or none that is allowed."""
    if guarded and port not in _PORTS:
        raise Permanent(f"The address uses port {port}; only the usual ports of http and https are allowed.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Permanent(f"There is no site called {host}: its name cannot be found.") from error
    numeric = dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found)
    fitting = [each for each in numeric if allowed(ipaddress.ip_address(each), guarded=guarded)]
    if not fitting:
        raise Permanent(f"{host} is not a site on the public internet, so Pitchbar does not read it.")
    return tuple(fitting[:MOST_TRIED])


def allowed(address: Address, *, guarded: bool) -> bool:
    """True for an address of the public internet; unguarded also for this machine and private networks."""
    address = _inner(address)
    if address.is_loopback:
        return not guarded
    if address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved:
        return False
    return address.is_global or not guarded


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if int(address) < 1 << 32 and int(address) > 1:
        return ipaddress.IPv4Address(int(address))
    return address
