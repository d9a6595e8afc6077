"""A receiver of callbacks: HTTPS on this machine, with a certificate of an authority made for the test.

Senders reach it as if its names stood for public addresses: ``resolver`` gives the addresses, ``dial`` leads
from them to this machine. What lies between the two, the rule for addresses, is the app's own.
"""

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PUBLIC_ADDRESS = "93.184.215.14"
RECEIVER = "hooks.example.com"

_LONGEST_SECONDS = 30
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    """With lower-case names."""
    body: bytes


@dataclass(frozen=True)
class Reply:
    """``stall``: send nothing before the receiver is closed, or after the status a byte now and then."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: bool = False
    drip: bool = False


class Receiver(http.server.ThreadingHTTPServer):
    """Remembers every POST; ``replies`` are given one after another, then 204."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context = context
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        self.closing = threading.Event()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake takes place in the request's own thread."""
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up, or that does not trust us, is no news."""

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.received]

    def dial(self, address: str, port: int, seconds: float) -> socket.socket:  # noqa: ARG002 -- all lead here
        """As ``WebhookSender`` connects: every address is this receiver's."""
        return socket.create_connection(("127.0.0.1", self.server_port), seconds)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.path, headers, body))
        reply = self.server.replies.pop(0) if self.server.replies else Reply()
        if reply.stall:
            self.server.closing.wait(_LONGEST_SECONDS)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.drip:
            self._drip()
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        """Headers without an end, so slowly that no read of them is late."""
        self.flush_headers()
        number = 0
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"X" if number else b"X-Drip: ")
            number += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 -- the base class has it so
        return


class Authority:
    """A certificate authority in a folder; ``file`` is its own certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("authority of the tests")
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        signed = (
            _certificate(self._name, self._name, self._key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def trusted(self) -> ssl.SSLContext:
        """What a client has that trusts this authority only."""
        return ssl.create_default_context(cafile=str(self.file))

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Of a server with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = (
            _certificate(_named(names[0]), self._name, key.public_key())
            .add_extension(alternatives, critical=False)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / f"{names[0]}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@contextmanager
def running_receiver(context: ssl.SSLContext) -> Generator[Receiver]:
    receiver = Receiver(context)
    thread = threading.Thread(target=receiver.serve_forever, args=[0.01])
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        receiver.shutdown()
        thread.join()
        receiver.server_close()


def resolver(names: Mapping[str, Sequence[str]]) -> Callable[[str, int], Sequence[str]]:
    """Knows these names only."""

    def resolve(host: str, _: int) -> Sequence[str]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return names[host]

    return resolve


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )
