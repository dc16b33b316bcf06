"""Sessions that are made, beside those that real frameworks wrote: the same bytes, and read again by the codecs."""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from gateway.codec import Entry, Lookup, Query, Row, UserMapping
from gateway.formats.laravel import encrypted, find_decrypted
from gateway.formats.minting import Draft, NewEntry, NewRecord, NewRow, SessionMint, Template
from gateway.formats.php import serialize, unserialize
from gateway.formats.rails import derive_keys, signed
from gateway.legacy.flask_mint import FlaskCookieMint
from gateway.legacy.laravel import LaravelRecords, login_key
from gateway.legacy.laravel_mint import LaravelMint
from gateway.legacy.rails import RailsCookie
from gateway.legacy.rails_mint import RailsAuthenticationMint, RailsCookieMint
from gateway.legacy.rails_records import RailsAuthentication
from gateway.model import LegacySession
from tests.legacy.reading import verdict_of
from tests.legacy.vectors import VECTORS

KEY = b"k" * 32
LARAVEL = VECTORS["laravel"]["vectors"]
BASE = b"s" * 64
TEMPLATE = Template({login_key(): "{subject:number}", "url": {"intended": "/x"}, "items": ["é", 1.5, None, True]})
NOW = 1_764_345_600.0


def draft(claims: Mapping[str, object]) -> Draft:
    return Draft("42", claims, {}, NOW, NOW + 3600, bound_to=None, entropy=lambda length: bytes(range(length)))


def made(
    mint: SessionMint, key: str = "7", claims: Mapping[str, object] = MappingProxyType({})
) -> tuple[dict[bytes, bytes], NewRecord | None]:
    """The cookies of a session, and the record that was written for it; `key` is what a database gives it."""
    minting = mint.mint(draft(claims))
    record: NewRecord | None = None
    try:
        record = next(minting)
        minting.send(key)
    except StopIteration as end:
        return dict(end.value), record
    raise AssertionError(record)


def test_laravels_encrypter_gives_the_same_bytes() -> None:
    theirs = json.loads(base64.b64decode(LARAVEL["aes-256-cbc"]))
    text = find_decrypted(LARAVEL["aes-256-cbc"].encode(), (KEY,))
    assert text is not None
    ours = json.loads(base64.b64decode(encrypted(text, KEY, lambda _: base64.b64decode(theirs["iv"]))))
    assert ours == {"tag": "", **theirs}


def test_laravels_payload_is_serialized_to_the_same_bytes() -> None:
    payload = base64.b64decode(LARAVEL["sess"])
    assert serialize(unserialize(payload)) == payload
    twice = base64.b64decode(LARAVEL["redis_value"])
    assert serialize(unserialize(twice)) == twice


@pytest.mark.parametrize("value", [None, True, False, -7, 1.5, 1e100, "é'\"", [1, [2]], {"a": {"7": "b", "07": "c"}}])
def test_what_is_serialized_is_read_again(value: object) -> None:
    assert unserialize(serialize(value)) == value


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
def test_php_reads_what_is_serialized() -> None:
    content = {"_token": "t", "items": [1, "é", None, True, 1.5], "deep": {"7": "b", "07": "c"}}
    script = "echo json_encode(unserialize(stream_get_contents(STDIN)), JSON_PRESERVE_ZERO_FRACTION);"
    done = subprocess.run(["php", "-r", script], input=serialize(content), capture_output=True, check=True, timeout=20)
    assert json.loads(done.stdout) == content


@pytest.mark.parametrize("table", ["sessions", ""])
def test_a_session_of_laravel_is_read_by_its_codec(table: str) -> None:
    cookies, record = made(LaravelMint(TEMPLATE, KEY, b"laravel_session", table, "laravel:"))
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        if isinstance(record, NewRow):
            return record.columns["payload"], record.columns["last_activity"]
        assert isinstance(record, NewEntry)
        return (record.value,)

    mapping = UserMapping("main", login_key(), {"to": "url.intended", "items": "items"})
    verdict = verdict_of(LaravelRecords(mapping, (KEY,), table=table, prefix="laravel:"), cookies, NOW, fetch)
    assert isinstance(verdict, LegacySession), verdict
    assert (verdict.subject, verdict.claims) == ("42", {"to": "/x", "items": ["é", 1.5, None, True]})
    (query,) = asked
    assert isinstance(query, (Lookup, Entry))
    assert LaravelMint(TEMPLATE, KEY, b"laravel_session", table, "laravel:").find(verdict.key) in {
        Lookup("sessions", "id", verdict.key, ()),
        Entry("laravel:", verdict.key),
    }


@pytest.mark.parametrize(
    "claim",
    [
        {" m": "<script>"},
        {" t": [1, 2]},
        {" d": "no date"},
        {" u": "no id"},
        {" b": "eA=="},
        {" di": {" m__": "<script>"}},
        {"plain": [{" m": {" m": "<b>"}}]},
        {" m": "with", "another": "member"},
    ],
)
def test_flask_takes_no_claim_for_anything_but_what_it_says(claim: object) -> None:
    claims = {"said": claim}
    mint = FlaskCookieMint(
        Template({"user_id": "{subject}", "said": "{claim.said}"}), KEY, b"session", b"cookie-session"
    )
    cookies, _ = made(mint, claims=claims)
    application = Flask("theirs")
    application.secret_key = KEY
    serializer = SecureCookieSessionInterface().get_signing_serializer(application)
    assert serializer is not None
    session = serializer.loads(cookies[b"session"].decode())
    assert session == {"user_id": "42", "said": claim}
    assert "Markup" not in repr(session)


@pytest.mark.parametrize(("name", "digest"), [("sha256_gcm_meta", 0), ("sha1_gcm_meta", 1)])
def test_rails_signs_with_the_same_bytes(name: str, digest: int) -> None:
    vectors = VECTORS["rails"]["vectors"]
    if name not in vectors:
        pytest.skip("there is no such fixture")
    theirs = vectors[name]["signed"].encode()
    content = base64.b64decode(theirs.partition(b"--")[0])
    assert signed(content, derive_keys((BASE,))[digest]) == theirs


def test_the_cookie_of_rails_is_read_by_its_codec() -> None:
    keys = derive_keys((BASE,))
    cookies, record = made(RailsCookieMint(Template({"user_id": "{subject}"}), keys[0], b"_app_session"))
    assert record is None
    codec = RailsCookie(UserMapping("main", "user_id"), keys, b"_app_session")
    verdict = verdict_of(codec, cookies, NOW, lambda _: None)
    assert isinstance(verdict, LegacySession)
    assert verdict.subject == "42"
    assert not isinstance(verdict_of(codec, cookies, NOW + 3601, lambda _: None), LegacySession), "it says its end"


def test_the_row_of_rails_is_read_by_its_codec() -> None:
    keys = derive_keys((BASE,))
    mint = RailsAuthenticationMint(Template({"user_id": "{subject:number}"}), keys[0], b"session_id", "sessions")
    cookies, record = made(mint)
    assert isinstance(record, NewRow)
    assert record.columns["user_id"] == 42
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (42,)

    verdict = verdict_of(RailsAuthentication(UserMapping("main", "user_id"), keys), cookies, NOW, fetch)
    assert isinstance(verdict, LegacySession)
    assert (verdict.subject, verdict.key) == ("42", "7")
    assert asked == [Lookup("sessions", "id", "7", ("user_id",))]
