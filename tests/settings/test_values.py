"""One spelling for each kind of value; where another is plain all the same, it is suggested."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from gateway.core.rates import Rate
from gateway.settings.addresses import read_address, read_origin, read_url
from gateway.settings.values import (
    read_duration,
    read_network,
    read_path,
    read_percent,
    read_rate,
    read_size,
    write_duration,
    write_size,
)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_duration, "500ms", 0.5),
        (read_duration, "0s", 0.0),
        (read_duration, "30s", 30.0),
        (read_duration, "5m", 300.0),
        (read_duration, "1h", 3600.0),
        (read_duration, "7d", 604800.0),
        (read_duration, "3650d", 315360000.0),
        (read_size, "64KiB", 65536),
        (read_size, "1GiB", 1 << 30),
        (read_size, "10B", 10),
        (read_size, 4096, 4096),
        (read_rate, "60/1m", Rate(60, 60.0)),
        (read_rate, "1/1h", Rate(1, 3600.0)),
        (read_rate, "off", None),
        (read_percent, "0%", 0.0),
        (read_percent, "12.5%", 12.5),
        (read_percent, "100%", 100.0),
        (read_network, "private", "private"),
        (read_network, "10.0.0.0/8", "10.0.0.0/8"),
        (read_network, "192.0.2.7", "192.0.2.7/32"),
        (read_network, "fd00::/8", "fd00::/8"),
        (read_path, "/login/", "/login/"),
        (read_url, "http://127.0.0.1:8000/api/me?full=1", "http://127.0.0.1:8000/api/me?full=1"),
    ],
)
def test_reads(read: Callable[[object], object], text: object, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "value", "sentence", "hint"),
    [
        (read_duration, "30 sec", "expected a duration like 30s", "30s"),
        (read_duration, "2 Minutes", "expected a duration like 30s", "2m"),
        (read_duration, 30, "expected a duration like 30s", "30s"),
        (read_duration, "100 millis", "expected a duration like 30s", "100ms"),
        (read_duration, 2.5, "expected a duration like 30s", ""),
        (read_rate, 60, "expected a rate like 60/1m, or off", ""),
        (read_rate, False, "expected a rate like 60/1m, or off", ""),
        (read_rate, "0/1m", "expected a rate like 60/1m, or off", ""),
        (read_rate, "60/500ms", "expected a rate over 1s to 1h", ""),
        (read_rate, "60/2h", "expected a rate over 1s to 1h", ""),
        (read_duration, True, "expected a duration like 30s", ""),
        (read_duration, "-1s", "expected a duration like 30s", ""),
        (read_duration, "1h30m", "expected a duration like 30s", ""),
        (read_duration, "3651d", "expected a duration of at most 3650d", ""),
        (read_size, "10MB", "expected a size like 64KiB", "10MiB"),
        (read_size, "10 k", "expected a size like 64KiB", "10KiB"),
        (read_size, "12 bytes", "expected a size like 64KiB", "12B"),
        (read_size, -1, "expected a size like 64KiB", ""),
        (read_size, True, "expected a size like 64KiB", ""),
        (read_size, "1025GiB", "expected a size of at most 1024GiB", ""),
        (read_percent, 25, "expected a percentage like 25%", "25%"),
        (read_percent, "101%", "expected a percentage like 25%", ""),
        (read_percent, 1.0, "expected a percentage like 25%", ""),
        (
            read_network,
            "10.0.0.1/8",
            "expected a network like 10.0.0.0/8, an address, or the word private",
            "10.0.0.0/8",
        ),
        (read_network, 10, "expected a network like 10.0.0.0/8, an address, or the word private", ""),
        (read_path, "login", "expected a path like /login/", ""),
        (read_path, "//evil.example", "expected a path like /login/", ""),
        (read_path, "/a?b", "expected a path like /login/", ""),
        (read_path, "/a\\b", "expected a path like /login/", ""),
        (read_url, "http://user:pw@x/", "expected an address like http://127.0.0.1:8000/api/me", ""),
        (read_url, "ftp://x/", "expected an address like http://127.0.0.1:8000/api/me", ""),
    ],
)
def test_says_what_it_expected(read: Callable[[object], object], value: object, sentence: str, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read(value)
    assert (caught.value.message(), (caught.value.context or {})["hint"]) == (sentence, hint)


@given(st.integers(min_value=0, max_value=3650 * 86_400_000))
def test_a_duration_is_written_as_it_is_read(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert read_duration(write_duration(seconds)) == seconds


@given(st.integers(min_value=0, max_value=1 << 40))
def test_a_size_is_written_as_it_is_read(size: int) -> None:
    assert read_size(write_size(size)) == size


@pytest.mark.parametrize(
    ("size", "written"), [(0, 0), (200, 200), (8192, "8KiB"), (1 << 30, "1GiB"), (3 << 20, "3MiB")]
)
def test_a_size_is_written_with_its_largest_unit(size: int, written: object) -> None:
    assert write_size(size) == written


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("[::1]:8080", "::1", 8080, True),
        ("localhost:0", "localhost", 0, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::]:65535", "::", 65535, False),
    ],
)
def test_reads_where_to_listen(text: str, host: str, port: int, is_loopback: bool) -> None:
    address = read_address(text)
    assert (address.host, address.port, address.is_loopback, str(address)) == (host, port, is_loopback, text)


@pytest.mark.parametrize(
    ("value", "sentence", "hint"),
    [
        (8080, "expected an address like 127.0.0.1:8080", "127.0.0.1:8080"),
        (":8080", "expected an address like 127.0.0.1:8080", "0.0.0.0:8080"),
        ("127.0.0.1", "expected an address like 127.0.0.1:8080", ""),
        ("127.0.0.1:65536", "expected an address like 127.0.0.1:8080", ""),
        ("::1:8080", "expected an address like 127.0.0.1:8080", ""),
        (True, "expected an address like 127.0.0.1:8080", ""),
        ("www.example.com:80", "expected an IP address or localhost before the port", ""),
        ("[127.0.0.1:80", "expected an address like 127.0.0.1:8080", ""),
    ],
)
def test_says_where_one_can_listen(value: object, sentence: str, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_address(value)
    assert (caught.value.message(), (caught.value.context or {})["hint"]) == (sentence, hint)


@pytest.mark.parametrize(
    ("text", "origin", "authority"),
    [
        ("https://www.example.com", "https://www.example.com", "www.example.com"),
        ("https://WWW.Example.com:443", "https://www.example.com", "www.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:80", "http://[::1]", "[::1]"),
        ("http://my_app:8000", "http://my_app:8000", "my_app:8000"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(text: str, origin: str, authority: str) -> None:
    assert (str(read_origin(text)), read_origin(text).authority) == (origin, authority)


@pytest.mark.parametrize(
    ("value", "sentence", "hint"),
    [
        ("https://www.example.com/", "expected an address without a path", "https://www.example.com"),
        ("https://www.example.com?", "expected an address without a path", "https://www.example.com"),
        ("127.0.0.1:8000", "expected an address like https://www.example.com", "http://127.0.0.1:8000"),
        ("*", "expected an address like https://www.example.com", ""),
        ("http://user:pw@host", "expected an address like https://www.example.com", ""),
        ("http://host:", "expected an address like https://www.example.com", ""),
        ("http://host:0", "expected an address like https://www.example.com", ""),
        ("http://host:99999", "expected an address like https://www.example.com", ""),
        ("http://ho st", "expected an address like https://www.example.com", ""),
        ("http://[::1", "expected an address like https://www.example.com", ""),
        (None, "expected an address like https://www.example.com", ""),
    ],
)
def test_says_what_an_origin_is(value: object, sentence: str, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_origin(value)
    assert (caught.value.message(), (caught.value.context or {})["hint"]) == (sentence, hint)


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [("http://app.localhost", True), ("http://[::1]", True), ("http://localhost.example.com", False)],
)
def test_knows_this_machine(text: str, is_loopback: bool) -> None:
    assert read_origin(text).is_loopback is is_loopback


def test_files_are_meant_from_the_directory_of_the_configuration() -> None:
    from tests.settings.samples import MINIMAL, settings_of

    settings = settings_of(MINIMAL + "stores: { embedded: data/app.db }\nadmin: { socket: /run/admin.sock }\n")
    assert settings.stores.embedded.file == Path("/etc/crossfade/data/app.db")
    assert settings.admin.socket == Path("/run/admin.sock")
    assert settings.phase.override_file == Path("/etc/crossfade/run/phase")
