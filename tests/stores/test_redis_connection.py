"""A raw connection keeps replies in order, trusts no bytes that it did not expect, and speaks TLS where told to."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.model import Standing
from gateway.stores.redis_address import RedisAddress, parse_redis_url
from gateway.stores.redis_connection import RedisConnection, RedisFault, error_word
from tests.servers import RedisServer, listening
from tests.stores.redis_stores import RARE, UnsteadyLog, running_store
from tests.stores.samples import TOKEN


@contextlib.asynccontextmanager
async def talking_to(replies: bytes) -> AsyncIterator[RedisConnection]:
    """A connection to a server that answers its first bytes with these."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(replies)
        await reader.read()

    async with listening(answer) as port:
        connection = await RedisConnection.open(
            RedisAddress("127.0.0.1", port), None, connect_timeout=1.0, deadline=1.0
        )
        yield connection
        connection.close("test over")


async def test_replies_go_to_the_calls_in_their_order() -> None:
    async with talking_to(b"+one\r\n$3\r\ntwo\r\n:3\r\n*2\r\n$-1\r\n$1\r\nx\r\n") as connection:
        calls = [connection.call("PING") for _ in range(4)]
        assert await asyncio.gather(*calls) == [b"one", b"two", 3, [None, b"x"]]


async def test_an_error_reply_fails_its_own_call_alone() -> None:
    async with talking_to(b"-LOADING it is loading\r\n+fine\r\n") as connection:
        failing, fine = connection.call("PING"), connection.call("PING")
        with pytest.raises(RedisFault, match="LOADING"):
            await failing
        assert await fine == b"fine"
        assert not connection.why_lost


async def test_a_call_that_nobody_waits_for_leaves_the_order_alone() -> None:
    async with talking_to(b"+one\r\n-ERR two\r\n+three\r\n") as connection:
        first, second, third = (connection.call("PING") for _ in range(3))
        first.cancel()
        second.cancel()
        assert await third == b"three"


@pytest.mark.parametrize(
    "nonsense",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+fine\r\n+and one that nobody asked for\r\n", b"$-7\r\n"],
)
async def test_bytes_that_make_no_sense_close_the_connection(nonsense: bytes) -> None:
    async with talking_to(nonsense) as connection:
        calls = [connection.call("PING")]
        await asyncio.wait(calls)
        while not connection.why_lost:
            await asyncio.wait([connection.call("PING")])
        assert connection.why_lost == "protocol"


async def test_a_server_that_hangs_up_fails_all_that_wait() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)

    async with listening(hang_up) as port:
        address = RedisAddress("127.0.0.1", port)
        connection = await RedisConnection.open(address, None, connect_timeout=1.0, deadline=1.0)
        calls = [connection.call("PING") for _ in range(3)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [str(result) for result in results] == ["lost"] * 3
        with pytest.raises(RedisFault, match="lost"):
            await connection.call("PING")


async def test_a_server_that_accepts_and_never_greets_is_given_up() -> None:
    async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(be_silent) as port:
        address = RedisAddress("127.0.0.1", port, password="pw")
        with pytest.raises(RedisFault):
            await RedisConnection.open(address, None, connect_timeout=0.05, deadline=1.0)


async def test_a_place_where_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(RedisFault, match="unreachable"):
        await RedisConnection.open(
            RedisAddress(path=str(tmp_path / "nothing")), None, connect_timeout=1.0, deadline=1.0
        )


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        ("LOADING Redis is loading the dataset in memory", "LOADING"),
        ("ERR Error running script: @user_script: -READONLY You can't write", "ERR"),
        ("something", "error"),
    ],
)
def test_of_an_error_only_its_code_is_kept(reply: str, word: str) -> None:
    assert error_word(reply) == word


# --- TLS and TCP ---


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis for tests")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "cert.pem", directory / "key.pem"


@contextlib.asynccontextmanager
async def tls_in_front_of(server: RedisServer, cert: Path, key: Path) -> AsyncIterator[int]:
    """A port that takes TLS and passes the bytes on."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(server.socket)
        await asyncio.gather(pump(reader, behind_writer), pump(behind_reader, writer))

    async with listening(serve, context) as port:
        yield port


async def test_a_rediss_url_is_spoken_to_over_tls(redis: RedisServer, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    async with tls_in_front_of(redis, cert, key) as port:
        url = f"rediss://127.0.0.1:{port}?ssl_ca_certs={cert}"
        async with running_store(url, UnsteadyLog(), RARE) as store:
            assert store.state.reason == ""
            assert await store.look_up(TOKEN) == Standing()


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(redis: RedisServer, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    async with (
        tls_in_front_of(redis, cert, key) as port,
        running_store(f"rediss://127.0.0.1:{port}", UnsteadyLog(), RARE) as store,
    ):
        assert store.state.reason == "unreachable"


async def test_a_loopback_port_does_as_well_as_a_socket(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_tcp=True) as server:
        address = parse_redis_url(server.url)
        connection = await RedisConnection.open(address, None, connect_timeout=1.0, deadline=1.0)
        assert await connection.call("PING") == b"PONG"
        connection.close("test over")
        async with running_store(server, UnsteadyLog(), RARE) as store:
            assert await store.look_up(TOKEN) == Standing()


async def test_a_crowd_fails_those_that_wait_too_long_alone() -> None:
    served = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        for _ in range(10):  # to as many that asked at once
            await asyncio.sleep(0.1)
            writer.write(b"+fine\r\n")
        served.set()
        await reader.read(4096)
        writer.write(b"+another\r\n")
        await reader.read()

    async with listening(answer) as port:
        connection = await RedisConnection.open(
            RedisAddress("127.0.0.1", port), None, connect_timeout=1.0, deadline=0.5, bears_crowds=True
        )
        replies = await asyncio.gather(*(connection.call("PING") for _ in range(10)), return_exceptions=True)
        assert replies[0] == b"fine"
        assert str(replies[-1]) == "crowded"
        await served.wait()
        assert await connection.call("PING") == b"another"  # replies that nobody waited for are in nobody's way
        connection.close("test over")
