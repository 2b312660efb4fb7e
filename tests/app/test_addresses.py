"""The guard against requests into our own network, and the one form of an address."""

from __future__ import annotations

import pytest

from tests.app.inside import inside

INSIDE = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
    *("224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::7f00:1"),
    *("2001:0:a9fe:a9fe::1", "2001:db8::1"),
)
OUTSIDE = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1")
ALLOWED = """
import ipaddress
from pitchbar_app.crawl.addresses import allowed
result = {each: allowed(ipaddress.ip_address(each), guarded=guarded) for each in addresses}
"""


def test_only_the_public_internet_is_allowed() -> None:
    found = inside(ALLOWED, addresses=[*INSIDE, *OUTSIDE], guarded=True)
    assert [each for each, allowed in found.items() if allowed] == list(OUTSIDE)


def test_unguarded_metadata_services_stay_closed() -> None:
    found = inside(ALLOWED, addresses=["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "0.0.0.0"], guarded=False)
    assert [each for each, allowed in found.items() if allowed] == ["127.0.0.1", "::1", "10.0.0.1"]


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked() -> None:
    """Rebinding: the name is looked up once; a second look, which would find this machine, is never taken."""
    code = """
        import socket
        from pitchbar_app.crawl import fetch
        looks, connected = [], []
        def look(host, port, **more):
            looks.append(host)
            address = "93.184.216.34" if len(looks) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        def connect(address, *more):
            connected.append(address)
            raise ConnectionRefusedError
        socket.getaddrinfo, socket.create_connection = look, connect
        try:
            fetch.fetch("http://rebind.example/", guarded=True)
        except fetch.Permanent as error:
            result = [looks, connected, str(error)]
    """
    assert inside(code) == [
        ["rebind.example"],
        [["93.184.216.34", 80]],
        "rebind.example refuses connections: no web server answers there.",
    ]


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data/", "http://inner.example/"])
def test_a_redirect_into_our_network_is_refused(target: str) -> None:
    code = """
        import io, socket
        from pitchbar_app.crawl import fetch
        connected = []
        addresses = {"outer.example": "93.184.216.34", "inner.example": "10.0.0.8"}
        class Fake:
            def __init__(self, address, *more): connected.append(address[0])
            def sendall(self, data): pass
            def makefile(self, *mode):
                return io.BytesIO(f"HTTP/1.1 302 Found\\r\\nLocation: {target}\\r\\n\\r\\n".encode())
            def close(self): pass
        socket.getaddrinfo = lambda host, port, **more: [(2, 1, 6, "", (addresses.get(host, host), port))]
        socket.create_connection = Fake
        try:
            fetch.fetch("http://outer.example/", guarded=True)
        except fetch.Permanent as error:
            result = [connected, str(error)]
    """
    connected, sentence = inside(code, target=target)
    assert connected == ["93.184.216.34"]
    assert sentence.endswith("is not a site on the public internet, so Pitchbar does not read it.")


SAME = {
    "http://Example.COM": "http://example.com/",
    "http://example.com:80/a/../b/./c#part": "http://example.com/b/c",
    "https://example.com:443/%7Euser/%c3%a4": "https://example.com/~user/%C3%A4",
    "https://example.com/ä?b=1&utm_source=x&a=2&gclid=3": "https://example.com/%C3%A4?b=1&a=2",
    "http://bücher.example/": "http://xn--bcher-kva.example/",
    "http://STRAẞE.example/": "http://xn--strae-oqa.example/",
    "http://☃.example/": "http://xn--n3h.example/",
    "http://example.com:8080//x//": "http://example.com:8080/x/",
    "http://example.com./": "http://example.com/",
}


def test_addresses_have_one_form() -> None:
    code = "from pitchbar_app.crawl.urls import normalise\nresult = [normalise(each) for each in given]"
    assert inside(code, given=list(SAME)) == list(SAME.values())
    assert inside(code, given=list(SAME.values())) == list(SAME.values()), "the form of a form is itself"


def test_what_is_no_address_is_refused() -> None:
    code = """
        from pitchbar_app.crawl.urls import Malformed, normalise
        result = []
        for each in given:
            try:
                result.append(normalise(each))
            except Malformed:
                pass
    """
    bad = ["", "x", "ftp://a/", "javascript:alert(1)", "http://", "http://a:99999/", "http://a:b@c/", "http://[::1/"]
    bad += ["http://exa mple/", "http://a\x00b/", "http://" + "a" * 300, "http://a/" + "b" * 3000, "http://..", "//a/"]
    assert inside(code, given=bad) == []
