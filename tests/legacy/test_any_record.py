"""Whatever a store holds under a good key, there is one of three verdicts, never an exception, and nothing unfolds.

The rule of amplification: what a reader makes of a text is, written as JSON, at most ten times as long.
"""

import base64
import hashlib
import hmac
import json
import pickle
from collections.abc import Callable
from urllib.parse import quote

import msgpack
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from gateway.codec import Lookup, Query, Row, SessionCodec, UnreadableSession, UserMapping
from gateway.formats.java import JavaObject, load_java
from gateway.formats.packed import load_msgpack
from gateway.formats.php import unserialize
from gateway.formats.pickled import load_pickle
from gateway.formats.rails import derive_keys, load_value
from gateway.formats.ruby import load_marshal
from gateway.legacy.columns import ColumnRecords, JsonRecords
from gateway.legacy.django_entries import DjangoCache, DjangoFile
from gateway.legacy.express import ExpressCookie, ExpressRecords
from gateway.legacy.flask_session import FlaskSessionRecords
from gateway.legacy.laravel import LaravelRecords
from gateway.legacy.php import PhpRecords
from gateway.legacy.rails import RailsCookie
from gateway.legacy.rails_records import RailsAuthentication, RailsRecords
from gateway.legacy.spring import SpringDatabase, SpringRedis
from gateway.legacy.starlette import StarletteCookie
from gateway.legacy.users import WithUsers
from tests.legacy.reading import verdict_of
from tests.legacy.test_any_bytes import documents, is_one_of_three, times
from tests.legacy.vectors import VECTORS

USER = UserMapping("main", "user_id", {"roles": "roles"})
SECRET = b"sekrit"
KEY = b"k" * 32
ID = "A1b2" * 10
SIGNED_ID = quote(
    f"s:{ID}." + base64.b64encode(hmac.digest(SECRET, ID.encode(), "sha256")).decode().rstrip("=")
).encode()
RAILS = derive_keys((b"s" * 64,))
SIGNED_ROW = VECTORS["rails"]["vectors"]["sha1_gcm_meta"]["signed"].encode()

CODECS: list[tuple[SessionCodec, dict[bytes, bytes]]] = [
    (DjangoCache(USER, (SECRET,)), {b"sessionid": b"0123456789"}),
    (DjangoCache(USER, (SECRET,), serializer="json"), {b"sessionid": b"0123456789"}),
    (DjangoCache(USER, (SECRET,), serializer="msgpack"), {b"sessionid": b"0123456789"}),
    (DjangoFile(USER, (SECRET,)), {b"sessionid": b"0123456789"}),
    (FlaskSessionRecords(USER, (SECRET,)), {b"session": b"x" * 43}),
    (FlaskSessionRecords(USER, (SECRET,), table="sessions"), {b"session": b"x" * 43}),
    (ExpressRecords(USER, (SECRET,)), {b"connect.sid": SIGNED_ID}),
    (ExpressRecords(USER, (SECRET,), table="session"), {b"connect.sid": SIGNED_ID}),
    (LaravelRecords(USER, (KEY,)), {b"laravel_session": VECTORS["laravel"]["vectors"]["aes-256-cbc"].encode()}),
    (
        LaravelRecords(USER, (KEY,), table="sessions"),
        {b"laravel_session": VECTORS["laravel"]["vectors"]["aes-256-gcm"].encode()},
    ),
    (PhpRecords(USER), {b"PHPSESSID": b"0" * 32}),
    (PhpRecords(USER, handler="php_serialize"), {b"PHPSESSID": b"0" * 32}),
    (RailsRecords(USER, b"sid", prefix="session:"), {b"sid": b"0" * 32}),
    (RailsRecords(USER, b"sid", table="sessions"), {b"sid": b"0" * 32}),
    (
        RailsAuthentication(USER, RAILS),
        {b"session_id": VECTORS["rails"]["vectors"]["sha1_gcm_meta"]["signed"].encode()},
    ),
    (SpringRedis(UserMapping("main", "name")), {b"SESSION": base64.b64encode(b"0" * 32)}),
    (SpringDatabase(UserMapping("main", "name")), {b"SESSION": base64.b64encode(b"0" * 32)}),
    (ColumnRecords(USER, b"sid", "t", "k", expires="e", date_form="seconds"), {b"sid": b"x"}),
    (ColumnRecords(USER, b"sid", "t", "k", expires="e"), {b"sid": b"x"}),
    (JsonRecords(USER, b"sid", "sess:"), {b"sid": b"x"}),
    (WithUsers(JsonRecords(USER, b"sid", "sess:"), "main", "users", claims={"plan": "plan"}), {b"sid": b"x"}),
]


def php(value: object) -> bytes:
    """Write a value as PHP does."""
    if value is None:
        return b"N;"
    if isinstance(value, bool):
        return b"b:%d;" % value
    if isinstance(value, int):
        return b"i:%d;" % value
    if isinstance(value, float):
        return f"d:{value};".encode()
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return b's:%d:"%b";' % (len(text), text)
    assert isinstance(value, (list, dict))
    pairs = list(enumerate(value) if isinstance(value, list) else value.items())
    return b"a:%d:{%b}" % (len(pairs), b"".join(php(key) + php(member) for key, member in pairs))


def or_text(write: Callable[[object], bytes]) -> Callable[[object], bytes]:
    """A writer that cannot write everything writes nothing instead."""

    def attempt(value: object) -> bytes:
        try:
            return write(value)
        except (ValueError, OverflowError, TypeError):
            return b""

    return attempt


WRITERS: list[Callable[[object], bytes]] = [
    lambda value: json.dumps(value).encode(),
    php,
    lambda value: b"user_id|" + php(value),
    or_text(pickle.dumps),
    or_text(lambda value: bytes(msgpack.packb(value))),
    lambda value: base64.b64encode(php(value)),
]
SEEDS = [
    *(base64.b64decode(text) for text in VECTORS["spring"]["vectors"]),
    base64.b64decode(VECTORS["rails"]["vectors"]["marshal_b64"]),
    base64.b64decode(VECTORS["laravel"]["vectors"]["sess"]),
    VECTORS["php"]["php_handler"].encode(),
    pickle.dumps({"user_id": 1, "roles": [1, 2.5, None]}),
]
written = st.builds(lambda value, write: write({"user_id": value, "roles": value}), documents, st.sampled_from(WRITERS))
mutated = st.builds(
    lambda seed, cut, place, byte: (seed[:place] + byte + seed[place + len(byte) :])[:cut],
    st.sampled_from(SEEDS),
    st.integers(0, 1200),
    st.integers(0, 1200),
    st.binary(min_size=1, max_size=3),
)
contents = st.binary(max_size=200) | written | mutated | st.none() | st.integers() | st.text()
dates = st.none() | st.integers() | st.floats() | st.text(max_size=20) | st.just("2999-01-01") | st.datetimes()


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(CODECS), contents, dates, dates, times)
def test_any_record(
    case: tuple[SessionCodec, dict[bytes, bytes]], content: object, second: object, third: object, now: float
) -> None:
    codec, cookies = case

    def fetch(query: Query) -> Row | None:
        width = len(query.columns) if isinstance(query, Lookup) else len(query.fields) or 2
        return (content, second, third)[:width] + (None,) * (width - 3)

    assert codec.locate(cookies)
    assert is_one_of_three(verdict_of(codec, cookies, now, fetch))


@settings(deadline=None)
@given(st.sampled_from(CODECS), st.binary(max_size=100))
def test_any_cookie(case: tuple[SessionCodec, dict[bytes, bytes]], value: bytes) -> None:
    codec, cookies = case
    shown = dict.fromkeys(cookies, value)
    codec.locate(shown)
    assert is_one_of_three(verdict_of(codec, shown, 0))


def sealed_by_rails(content: bytes) -> bytes:
    nonce = hashlib.sha256(content).digest()[:12]
    sealed = AESGCM(RAILS[0].encrypted).encrypt(nonce, content, None)
    return b"--".join(base64.b64encode(part) for part in (sealed[:-16], nonce, sealed[-16:]))


@settings(deadline=None)
@given(st.binary(max_size=200) | written | mutated, times)
def test_any_content_that_is_signed_or_encrypted(content: bytes, now: float) -> None:
    signature = base64.urlsafe_b64encode(hmac.digest(SECRET, b"session=" + base64.b64encode(content), "sha1"))
    shown: list[tuple[SessionCodec, dict[bytes, bytes]]] = [
        (StarletteCookie(USER, (SECRET,)), {b"session": TimestampSigner(SECRET).sign(base64.b64encode(content))}),
        (RailsCookie(USER, RAILS, b"_a"), {b"_a": sealed_by_rails(content)}),
        (
            ExpressCookie(USER, (SECRET,)),
            {b"session": base64.b64encode(content), b"session.sig": signature.rstrip(b"=")},
        ),
    ]
    for codec, cookies in shown:
        verdict = verdict_of(codec, cookies, now)
        assert is_one_of_three(verdict)
        assert getattr(verdict, "reason", "") != "bad_signature"


# --- readers ---

READERS: list[Callable[[bytes], object]] = [unserialize, load_marshal, load_pickle, load_msgpack, load_java, load_value]


def size_of(value: object) -> int:
    """How long a value is as JSON; what is opaque or an object counts as a word."""
    return len(json.dumps(value, default=lambda _: "opaque", skipkeys=True))


@pytest.mark.parametrize("read", READERS, ids=lambda reader: reader.__name__)
@settings(deadline=None)
@given(st.binary(max_size=300) | written | mutated)
@example(b"\x04\x08[" + b"\x06" * 3)
@example(b'\x04\x08[\x0aI"\x02\x00\x04' + b"x" * 1024 + b"\x06:\x06ET" + b"@\x06" * 200)
@example(b"\x04\x08i\x04\xff\xff\xff\x7f")
@example(b"\x04\x08[\x04\xff\xff\xff\x7f")
@example(b"\x80\x04\x8c\x05aaaaa\x94](h\x00h\x00h\x00e.")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xac\xed\x00\x05ur\x00\x02[I" + bytes(8) + b"\x02\x00\x00xp\x7f\xff\xff\xff")
def test_a_reader_makes_values_or_says_that_it_cannot(read: Callable[[bytes], object], text: bytes) -> None:
    try:
        value = read(text)
    except UnreadableSession:
        return
    if not isinstance(value, (JavaObject, list)) or read is not load_java:
        assert size_of(value) <= 10 * len(text) + 20
