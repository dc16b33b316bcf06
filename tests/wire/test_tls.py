"""An application behind TLS: its certificate counts, and one direction of the stream cannot end alone."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.wire.stand import Line, Stand, answers_ok, get
from tests.wire.test_tunnel import HANDSHAKE, SWITCHED


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = datetime.now(UTC)
    certificate = (
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
    path = tmp_path_factory.mktemp("tls") / "app.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def behind_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_an_application_behind_tls_is_reached(stand: Stand, certificate: Path) -> None:
    stand.expect(tls=ssl.create_default_context(cafile=str(certificate)))
    app = await stand.open(answers_ok, tls=behind_tls(certificate))
    client = await stand.connect()
    for _ in range(2):
        assert (await client.ask(get()))[::2] == (200, b"ok")
    assert len(app.lines) == 1


async def test_a_certificate_that_nobody_vouches_for_is_502(stand: Stand, certificate: Path) -> None:
    stand.expect(tls=ssl.create_default_context())
    await stand.open(answers_ok, tls=behind_tls(certificate))
    client = await stand.connect()
    assert (await client.ask(get()))[::2] == (502, b"upstream_unreachable")


@pytest.mark.parametrize("end", ["client", "application"])
async def test_a_tunnel_over_tls_ends_as_a_whole(stand: Stand, certificate: Path, end: str) -> None:
    async def switches(line: Line) -> None:
        await line.head()
        line.send(SWITCHED)
        await asyncio.sleep(60)

    stand.expect(tls=ssl.create_default_context(cafile=str(certificate)))
    app = await stand.open(switches, tls=behind_tls(certificate))
    client = await stand.connect()
    client.send(HANDSHAKE)
    await client.head()
    line = await app.line()
    client.send(b"ping")
    assert await line.read(4) == b"ping"
    if end == "client":
        client.end()
        await line.gone()
    else:
        line.close()
    assert await client.rest() == b""
    client.close()
    await stand.until(lambda: stand.server.connection_count == 0)
