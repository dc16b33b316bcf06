"""What we ask an application ourselves goes the way of its upstream: the same certificates, the same Host."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.model import LegacySession, SessionCookie, VaultedSession
from gateway.settings.load import load_settings
from gateway.wiring.gateway import Gateway

CONFIGURATION = """\
public_url: https://www.example.com
upstreams: {{ app: {{ url: https://127.0.0.1:{port}, ca: app.pem, host: {host} }} }}
stores: {{ embedded: {{ file: run/crossfade.db, single_instance: true }} }}
sessions:
  - name: main
    format: whoami
    place: {{ whoami: {{ url: https://127.0.0.1:{port}/me }} }}
    user: id
    cookies: [sid]
    options: {{ header: X-User }}
    logout_paths: [/bye/]
"""


class Application:
    """Answers everybody with a user, over TLS, and remembers the heads of requests."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nX-User: alice\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    app, context = Application(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(tmp_path / "app.pem"))
    server = await asyncio.start_server(app.answer, "127.0.0.1", 0, ssl=context)
    app.port = server.sockets[0].getsockname()[1]
    yield app
    server.close()


def certificate(path: Path) -> Path:
    """Write a certificate that only `ca: app.pem` vouches for, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("host", ["preserve", "upstream"])
async def test_whoami_and_logout_go_the_way_of_the_upstream(
    tmp_path: Path, application: Application, host: str
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION.format(port=application.port, host=host))
    gateway = await Gateway.open(load_settings(path, {}), {})
    try:
        shown = SessionCookie("main", ((b"sid", b"1"),))
        verdict = await gateway.sessions["main"].resolve(shown, gateway.now())
        assert isinstance(verdict, LegacySession)
        await gateway._enders()["main"].end(VaultedSession("f", "alice", "main", shown.cookies, "1"))
    finally:
        await gateway.aclose()
    told = b"www.example.com" if host == "preserve" else b"127.0.0.1:%d" % application.port
    lines = [head.split(b"\r\n") for head in application.heads]
    assert {line[0] for line in lines} >= {b"GET /me HTTP/1.1", b"POST /bye/ HTTP/1.1"}
    assert all(b"Host: " + told in line for line in lines)
    assert all(b"X-Forwarded-Host: www.example.com" in line for line in lines)
