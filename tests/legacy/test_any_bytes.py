"""Whatever the bytes are, signed or not, there is one of three verdicts and never an exception."""

import base64
import hashlib
import json
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from gateway.codec import Row, SessionCodec, UserMapping
from gateway.formats.django import Binding
from gateway.legacy.django import DjangoDatabase, DjangoSignedCookies
from gateway.legacy.flask import FlaskCookie
from gateway.legacy.whoami import WhoamiRules
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict
from tests.legacy.reading import verdict_of

SECRET = b"sekrit"
REASONS = {
    Anonymous: {"absent", "expired", "bad_signature", "no_user", "gone", "not_bound"},
    Undetermined: {"unreadable", "unreachable", "timeout", "stale_codec"},
}
DJANGO = UserMapping("main", "_auth_user_id", {"roles": "roles"})
CODECS: list[SessionCodec] = [
    DjangoDatabase(DJANGO, (SECRET,), binding=Binding()),
    DjangoSignedCookies(DJANGO, (SECRET,), binding=Binding()),
    DjangoSignedCookies(DJANGO, (SECRET,), is_sliding=True),
    FlaskCookie(UserMapping("main", "_user_id", {"roles": "roles"}), (SECRET,)),
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1", "clear"])
names = st.sampled_from(["_auth_user_id", "_user_id", "_auth_user_hash", "roles", "_remember", " u", " t", " di", "x"])
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
cells = st.none() | st.integers() | st.text() | st.binary() | st.sampled_from(["2999-01-01", "1999-01-01 00:00"])
times = st.floats(min_value=0, max_value=4e9)


def is_one_of_three(verdict: Verdict) -> bool:
    if isinstance(verdict, LegacySession):
        return bool(verdict.subject and verdict.key)
    return verdict.reason in REASONS[type(verdict)]


@settings(deadline=None)
@given(st.sampled_from(CODECS), st.binary(max_size=200), st.binary(max_size=200), st.lists(cells, max_size=2), times)
def test_any_cookies_and_any_rows(
    codec: SessionCodec, session: bytes, remember: bytes, row: list[object], now: float
) -> None:
    cookies = {b"sessionid": session, b"session": session, b"remember_token": remember}
    pair: Row | None = (*row, None)[:2] if len(row) == 1 else tuple(row) or None
    assert is_one_of_three(verdict_of(codec, cookies, now, lambda _: pair))


@settings(deadline=None)
@given(st.sampled_from(CODECS), documents, st.booleans(), st.booleans(), times)
def test_any_content_under_a_good_signature(
    codec: SessionCodec, content: object, compressed: bool, cut: bool, now: float
) -> None:
    data = json.dumps(content).encode()
    data = data[: len(data) // 2] if cut else data
    payload = base64.urlsafe_b64encode(zlib.compress(data) if compressed else data).rstrip(b"=")
    payload = b"." + payload if compressed else payload
    cookie = sign(codec, payload)
    stored = cookie.decode()
    cookies = {b"sessionid": b"0123456789" if isinstance(codec, DjangoDatabase) else cookie, b"session": cookie}
    assert is_one_of_three(verdict_of(codec, cookies, now, lambda _: (stored, "2999-01-01 00:00:00")))


def sign(codec: SessionCodec, payload: bytes) -> bytes:
    if isinstance(codec, FlaskCookie):
        signer = TimestampSigner(SECRET, codec.salt, key_derivation="hmac", digest_method=hashlib.sha1)
        return signer.sign(payload)
    from django.core.signing import Signer

    assert isinstance(codec, (DjangoDatabase, DjangoSignedCookies))
    signed = Signer(key="sekrit", salt=codec.salt.decode(), fallback_keys=[]).sign(f"{payload.decode()}:1xVOAo")
    return str(signed).encode()


RULES = WhoamiRules(UserMapping("main", "user.id", {"roles": "roles"}), login_url="/login/")
answers = st.binary(max_size=100) | st.builds(lambda inner: json.dumps({"user": {"id": inner}}).encode(), documents)


@settings(deadline=None)
@given(st.integers(100, 599), st.binary(max_size=50), answers)
def test_any_answer_of_an_application(status: int, location: bytes, body: bytes) -> None:
    assert is_one_of_three(RULES.judge(status, [(b"location", location)], body, "key"))
