"""TLS for tests: authorities of their own, and a front that speaks TLS for a server which doesn't."""

from __future__ import annotations

import contextlib
import datetime
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

POSTGRES = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""What a client of PostgreSQL sends before it speaks TLS."""

_DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates; ``pem`` is its own."""

    def __init__(self, name: str) -> None:
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, host: str, path: Path) -> Path:
        """A certificate for a host name and its key, in one file."""
        key, alone = ec.generate_private_key(ec.SECP256R1()), x509.BasicConstraints(ca=False, path_length=None)
        made = self._sign(_named(host), key, alone, x509.SubjectAlternativeName([x509.DNSName(host)]))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
        return path

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - _DAY).not_valid_after(now + _DAY)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


@contextlib.contextmanager
def front(certificate: Path, port: int, hello: bytes = b"") -> Iterator[int]:
    """A port of 127.0.0.1 that speaks TLS and leads to another one. ``hello``: what a client says before, to which the
    answer is S, as PostgreSQL's is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_accept, args=(listener, context, port, hello), daemon=True).start()
        yield int(listener.getsockname()[1])


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int, hello: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_serve, args=(near, context, port, hello), daemon=True).start()


def _serve(near: socket.socket, context: ssl.SSLContext, port: int, hello: bytes) -> None:
    with contextlib.suppress(OSError), contextlib.closing(near):
        if hello and near.recv(len(hello), socket.MSG_WAITALL) != hello:
            return
        near.sendall(b"S" if hello else b"")
        with (
            context.wrap_socket(near, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", port)) as far,
        ):
            _carry(inside, far)


def _carry(inside: ssl.SSLSocket, far: socket.socket) -> None:
    """Both ways in one thread: a TLS connection isn't for two."""
    while True:
        ready, _, _ = ([inside], [], []) if inside.pending() else select.select([inside, far], [], [])
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (far if source is inside else inside).sendall(data)
