"""What all codecs share: bounds, paths, claims, fingerprints."""

import random
import zlib

import pytest

from gateway.codec import (
    MAX_TEXT,
    REGISTERED_CLAIMS,
    Lookup,
    UnreadableSession,
    UserMapping,
    dump_json,
    find_path,
    fingerprint,
    fingerprint_of,
    inflate,
    load_json,
    unquote_cookie,
)
from gateway.errors import ConfigurationError
from gateway.model import SessionCookie


@pytest.mark.parametrize("claim", sorted(REGISTERED_CLAIMS))
def test_a_session_never_says_a_registered_claim(claim: str) -> None:
    with pytest.raises(ConfigurationError, match=claim):
        UserMapping("main", "user", {"plan": "plan", claim: "x"})


@pytest.mark.parametrize("value", ["x" * 3000, 1 << 64, "\ud800"], ids=["too long", "too large", "no Unicode"])
def test_claims_that_a_token_cannot_carry_are_unreadable(value: object) -> None:
    with pytest.raises(UnreadableSession):
        UserMapping("main", "user", {"plan": "plan"}).read({"user": "ada", "plan": value}, "key")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": [{"c": 1}]}),
        ("a.b.0.c", 1),
        ("a.b.1", None),
        ("a.b.-1", None),
        ("a.b.x", None),
        ("a.b.0.c.d", None),
        ("z", None),
    ],
)
def test_a_dotted_path_leads_through_objects_and_arrays(path: str, found: object) -> None:
    assert find_path({"a": {"b": [{"c": 1}]}}, path) == found


def test_what_is_compressed_is_opened_up_to_a_bound() -> None:
    text = random.Random(1).randbytes(MAX_TEXT + 1)
    assert inflate(zlib.compress(text[:-1])) == text[:-1]
    with pytest.raises(UnreadableSession):
        inflate(zlib.compress(text))
    assert inflate(zlib.compress(b"x" * 65536)) == b"x" * 65536
    with pytest.raises(UnreadableSession):
        inflate(zlib.compress(b"x" * 65537))
    with pytest.raises(UnreadableSession):
        inflate(zlib.compress(b"x" * 100)[:-1])


def test_json_has_bounds_in_size_and_depth() -> None:
    with pytest.raises(UnreadableSession):
        load_json(b" " * (MAX_TEXT + 1))
    with pytest.raises(UnreadableSession):
        load_json(b"[" * 100_000)
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UnreadableSession):
        dump_json(deep)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"plain", b"plain"),
        (b'"a b"', b"a b"),
        (b'"a\\"b\\\\c"', b'a"b\\c'),
        (b'"\\303\\251"', "é".encode()),
        (b'"', b'"'),
        (b'"open', b'"open'),
        (b'""', b""),
    ],
)
def test_quotes_around_a_cookie_are_undone(sent: bytes, meant: bytes) -> None:
    assert unquote_cookie(sent) == meant


def test_a_fingerprint_says_where_its_parts_end() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")


def test_cookies_have_one_fingerprint_in_any_order() -> None:
    one, other = (b"a", b"1"), (b"b", b"2")
    assert fingerprint_of(SessionCookie("main", (one, other))) == fingerprint_of(SessionCookie("main", (other, one)))
    assert fingerprint_of(SessionCookie("main", (one,))) != fingerprint_of(SessionCookie("main", (one, other)))


def test_a_lookup_does_not_show_its_value() -> None:
    assert "topsecret" not in repr(Lookup("t", "k", "topsecret", ("c",)))
