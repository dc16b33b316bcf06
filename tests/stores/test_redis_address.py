"""A Redis URL says where and how, and its password is never repeated."""

import ssl
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.stores.redis_address import RedisAddress, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", RedisAddress("cache")),
        ("redis://cache:6380/2", RedisAddress("cache", 6380, database=2)),
        ("redis://[::1]:6380", RedisAddress("::1", 6380)),
        ("redis://:s%40fe@cache", RedisAddress("cache", password="s@fe")),
        ("redis://ann:secret@cache/1", RedisAddress("cache", database=1, username="ann", password="secret")),
        ("redis://cache?db=3", RedisAddress("cache", database=3)),
        ("rediss://cache", RedisAddress("cache", is_tls=True)),
        ("rediss://cache?ssl_ca_certs=/ca.pem", RedisAddress("cache", is_tls=True, ca_file="/ca.pem")),
        ("unix:///run/redis.sock", RedisAddress(path="/run/redis.sock")),
        ("unix://:pw@/run/my%20redis.sock?db=4", RedisAddress(path="/run/my redis.sock", database=4, password="pw")),
    ],
)
def test_a_url_is_read(url: str, address: RedisAddress) -> None:
    assert parse_redis_url(url) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://:s3cret@cache", "another scheme"),
        ("cache:6379", "another scheme"),
        ("redis://:s3cret@", "names no host"),
        ("unix://", "names no socket"),
        ("redis://:s3cret@cache:port", "cannot be read"),
        ("redis://:s3cret@cache/sessions", "not a number"),
        ("redis://:s3cret@cache/123456", "not a number"),
        ("redis://:s3cret@cache?ssl_cert_reqs=none", "unknown option ssl_cert_reqs"),
        ("redis://:s3cret@cache?db", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_without_its_password(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_redis_url(url)
    assert says in str(caught.value)
    assert "redis://" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_address_shows_the_place_and_never_the_password() -> None:
    address = parse_redis_url("redis://ann:s3cret@cache:6380/2")
    assert str(address) == "cache:6380/2"
    assert "s3cret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "greeting"),
    [
        ("redis://cache", ()),
        ("redis://cache/2", (("SELECT", "2"),)),
        ("redis://:pw@cache", (("AUTH", "pw"),)),
        ("redis://ann:pw@cache/2", (("AUTH", "ann", "pw"), ("SELECT", "2"))),
    ],
)
def test_a_connection_begins_with_what_is_needed(url: str, greeting: tuple[tuple[str, ...], ...]) -> None:
    assert parse_redis_url(url).greeting() == greeting


def test_tls_always_verifies_certificate_and_name() -> None:
    assert parse_redis_url("redis://cache").tls() is None
    context = parse_redis_url("rediss://cache").tls()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
def test_a_tls_file_that_cannot_be_used_is_a_configuration_error(option: str, tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("nothing")
    for name in ("missing.pem", "not.pem"):
        with pytest.raises(ConfigurationError, match="TLS files"):
            parse_redis_url(f"rediss://cache?{option}={tmp_path / name}").tls()
