"""Where sessions keep what protects their forms, as far as the frameworks keep it elsewhere than in a plain field."""

import json

from gateway.codec import Entry, Query, Row, UserMapping
from gateway.formats.minting import Draft, Template
from gateway.formats.rails import derive_keys, envelope, signed
from gateway.formats.signed_at import wtf_token
from gateway.legacy.rails_mint import RailsCookieMint
from gateway.legacy.rails_records import RailsAuthentication
from gateway.legacy.spring import SpringRedis
from gateway.model import LegacySession
from tests.legacy.reading import verdict_of
from tests.legacy.test_spring import BEGIN, CONTEXT, COOKIE, INTERVAL, LAST_ACCESS

NOW = 1_764_345_600.0
KEYS = derive_keys((b"s" * 64,))
USER = UserMapping("main", "user_id", csrf="_csrf_token")


def rails_session(**content: object) -> bytes:
    """The encrypted cookie of a session of Rails."""
    minting = RailsCookieMint(Template(content), KEYS[0], b"_app_session").mint(
        Draft("7", {}, {}, NOW, NOW + 60, bound_to=None, entropy=bytes)
    )
    try:
        next(minting)
    except StopIteration as end:
        return bytes(dict(end.value)[b"_app_session"])
    raise AssertionError


def rails_verdict(**cookies: bytes) -> LegacySession:
    number = signed(envelope(b"7", "session_id", NOW + 60), KEYS[0])
    shown = {b"session_id": number, **{name.encode(): value for name, value in cookies.items()}}
    verdict = verdict_of(RailsAuthentication(USER, KEYS), shown, NOW, lambda _: (42,))
    assert isinstance(verdict, LegacySession)
    return verdict


def test_beside_the_row_of_rails_it_is_in_the_session_cookie() -> None:
    assert rails_verdict(_app_session=rails_session(_csrf_token="secret")).csrf == "secret"


def test_a_cookie_of_rails_that_is_another_or_has_none_says_nothing() -> None:
    assert rails_verdict().csrf == ""
    assert rails_verdict(_app_session=rails_session(other=1)).csrf == ""
    assert rails_verdict(_other=rails_session(_csrf_token="secret")).csrf == "", "it was made for another name"
    assert rails_verdict(_app_session=b"x--y--z").csrf == ""
    assert rails_verdict(_app_session=rails_session(_csrf_token=7)).csrf == ""


def spring_csrf(stored: bytes | None) -> str:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (CONTEXT, LAST_ACCESS, INTERVAL, stored)

    verdict = verdict_of(SpringRedis(UserMapping("main", "name", csrf="csrf")), COOKIE, BEGIN, fetch)
    assert isinstance(verdict, LegacySession)
    (query,) = asked
    assert isinstance(query, Entry)
    assert query.fields[-1].endswith("HttpSessionCsrfTokenRepository.CSRF_TOKEN")
    return verdict.csrf


def test_spring_keeps_it_beside_the_context() -> None:
    assert spring_csrf(json.dumps({"token": "secret", "headerName": "X-CSRF-TOKEN"}).encode()) == "secret"


def test_what_cannot_be_read_of_it_leaves_the_session_readable() -> None:
    assert [spring_csrf(stored) for stored in (None, b"", b"\xac\xed\x00", b"{", b"[]", b'{"token": 7}')] == [""] * 6


def test_flask_wtf_reads_what_we_sign() -> None:
    from itsdangerous import URLSafeTimedSerializer

    token = wtf_token(b"sekrit", b"0123abcd", NOW)
    secret, at = URLSafeTimedSerializer("sekrit", "wtf-csrf-token").loads(token, return_timestamp=True)
    assert (secret, at.timestamp()) == ("0123abcd", NOW)
