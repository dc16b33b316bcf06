"""Which credential decides: a Bearer of ours, then our cookie, then the session; and what is refused (group F)."""

from dataclasses import replace

import pytest

from gateway.core.credentials import Ours, Shown, Site, find_credential, find_sessions, has_token_of_ours
from gateway.core.refresh_token import new_refresh_token
from gateway.errors import BadRequest, PossessionUnproved
from gateway.model import (
    BearerToken,
    ForeignAuthorization,
    RemoteBearer,
    RequestHead,
    SessionCookie,
    TokenCookie,
)
from tests.core.minting import ISSUER, token

OURS = Ours(ISSUER, b"__Host-crossfade", b"__Host-crossfade-refresh")
MAIN = Site("main", "app", (b"sid", b"remember"), "last")
SECOND = Site("second", "app", (b"PHPSESSID",), "first")
SITES = (MAIN, SECOND)
TOKEN = token()
FOREIGN_JWT = token(iss="https://other.example")
REFRESH = new_refresh_token(b"r" * 32).encode()
SESSION = SessionCookie("main", ((b"sid", b"a"),))


def show(authorization: bytes | None = None, cookie: bytes | None = None) -> Shown:
    head = RequestHead(b"GET", b"/", 1, [], b"www.example.com", authorization=authorization, cookie=cookie)
    return find_credential(head, OURS, SITES)


# --- Authorization ---


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
@pytest.mark.parametrize("space", [b" ", b"   "])
def test_f3_a_bearer_of_ours_decides_alone(scheme: bytes, space: bytes) -> None:
    assert show(scheme + space + TOKEN, b"sid=a; __Host-crossfade=x") == BearerToken(TOKEN)


@pytest.mark.parametrize(
    "damaged",
    [TOKEN[:-5], TOKEN + b"=", TOKEN.rpartition(b".")[0], TOKEN.rpartition(b".")[0] + b".", b"x" + TOKEN, REFRESH],
    ids=["cut", "padded", "unsigned", "empty signature", "broken header", "refresh token"],
)
def test_a_damaged_token_of_ours_is_ours_all_the_same(damaged: bytes) -> None:
    """It is refused as ours later on, and never falls through to the session or to the application."""
    assert show(b"Bearer " + damaged, b"sid=a") == BearerToken(damaged)


@pytest.mark.parametrize(
    "value",
    [
        b"Basic dXNlcjpwYXNz",
        b"Bearer opaque-token",
        b"Bearer 12|laravel-sanctum-token",
        b"Bearer null",
        b"Bearer",
        b"Bearer ",
        b"Bearer " + FOREIGN_JWT,
        b"Digest username=a, realm=b",
        b"Negotiate YIIJvwYGKwYBBQ",
        b"Bearerish abc",
        b"Token abc",
        b"",
        b"\xff\xfe",
    ],
)
def test_what_is_not_ours_is_the_applications_business(value: bytes) -> None:
    assert show(value) == ForeignAuthorization(value)
    assert show(value, b"sid=a; __Host-crossfade=x") == ForeignAuthorization(value, SESSION)


@pytest.mark.parametrize(
    "value",
    [
        b"Bearer a, Bearer b",
        b"Bearer a b",
        b"Bearer a,b",
        b"Bearer\ta",
        b"Bearer \ta",
        b"Bearer a\tb",
        b"Bearer," + b"a",
        b"Bearer " + TOKEN + b", Bearer " + FOREIGN_JWT,
        b"Bearer " + FOREIGN_JWT + b", Bearer " + TOKEN,
        b"Bearer " + TOKEN + b" junk",
        b"Bearer  a  b",
    ],
)
def test_f3_anything_but_one_credential_is_refused(value: bytes) -> None:
    with pytest.raises(BadRequest):
        show(value)


@pytest.mark.parametrize(
    "value",
    [
        b"Token " + TOKEN,
        b"JWT " + TOKEN,
        b"DPoP " + TOKEN,
        b"Bearer: " + TOKEN,
        b"Bearer=" + TOKEN,
        b'Bearer "' + TOKEN + b'"',
        TOKEN,
        REFRESH,
        b'Basic x, token="' + TOKEN + b'"',
        b"Token " + REFRESH,
    ],
)
def test_a_token_of_ours_never_reaches_the_application_in_disguise(value: bytes) -> None:
    assert has_token_of_ours(value, ISSUER)
    try:
        assert isinstance(show(value), BearerToken)
    except BadRequest:
        pass


def test_a_token_of_ours_is_found_in_front_of_a_comma() -> None:
    assert has_token_of_ours(b"Bearer x, " + TOKEN, ISSUER)
    assert not has_token_of_ours(b"Bearer " + FOREIGN_JWT, ISSUER)


def test_only_the_first_words_are_looked_at() -> None:
    assert has_token_of_ours(b"x " * 15 + TOKEN, ISSUER)
    assert not has_token_of_ours(b"x " * 16 + TOKEN, ISSUER)


@pytest.mark.parametrize("scheme", [b"DPoP", b"dpop"])
def test_a_token_of_another_issuer_is_shown_as_a_bearer_alone(scheme: bytes) -> None:
    ours = replace(OURS, remote=frozenset({"https://other.example"}))

    def show_remote(scheme: bytes) -> Shown:
        authorization = scheme + b" " + FOREIGN_JWT
        return find_credential(RequestHead(b"GET", b"/", 1, [], b"h", authorization=authorization), ours, SITES)

    assert show_remote(b"Bearer") == RemoteBearer(FOREIGN_JWT, "https://other.example")
    with pytest.raises(PossessionUnproved):
        show_remote(scheme)


# --- our cookie ---


def test_our_cookie_comes_with_the_session_beside_it() -> None:
    assert show(None, b"sid=a; __Host-crossfade=" + TOKEN) == TokenCookie(TOKEN, SESSION)
    assert show(None, b"__Host-crossfade=" + TOKEN) == TokenCookie(TOKEN)
    assert show(None, b"__Host-crossfade=") == TokenCookie(b"")


@pytest.mark.parametrize("name", [b"__host-crossfade", b"crossfade", b"__Host-crossfade2", b"x__Host-crossfade"])
def test_f7_a_cookie_that_looks_like_ours_is_not_ours(name: bytes) -> None:
    assert show(None, name + b"=" + TOKEN) is None


def test_our_cookie_shown_twice_is_refused() -> None:
    with pytest.raises(BadRequest):
        show(None, b"__Host-crossfade=a; __Host-crossfade=b")


def test_our_refresh_cookie_alone_is_no_credential() -> None:
    assert show(None, b"__Host-crossfade-refresh=x") is None


# --- sessions ---


def test_without_anything_nothing_is_shown() -> None:
    assert show() is None
    assert show(None, b"") is None
    assert show(None, b"theme=dark; lang=en") is None
    assert find_sessions(b"sid=a", ()) is None


@pytest.mark.parametrize(
    ("cookie", "site", "cookies", "duplicated"),
    [
        (b"sid=a", "main", ((b"sid", b"a"),), False),
        (b"remember=r; x=y; sid=a", "main", ((b"sid", b"a"), (b"remember", b"r")), False),
        (b"remember=r", "main", ((b"remember", b"r"),), False),
        (b"sid=a; sid=b", "main", ((b"sid", b"b"),), True),
        (b"sid=a; sid=a", "main", ((b"sid", b"a"),), True),
        (b"PHPSESSID=a; PHPSESSID=b", "second", ((b"PHPSESSID", b"a"),), True),
        (b"PHPSESSID=a; sid=b", "main", ((b"sid", b"b"),), False),
        (b"remember=r; PHPSESSID=a", "second", ((b"PHPSESSID", b"a"),), False),
        (b"PHPSESSID=ab,c-d", "second", ((b"PHPSESSID", b"ab,c-d"),), False),
        (b'sid="quoted"', "main", ((b"sid", b'"quoted"'),), False),
        (b"sid=", "main", ((b"sid", b""),), False),
        (b"sid==a=", "main", ((b"sid", b"=a="),), False),
        (b"sid=a;remember=r;", "main", ((b"sid", b"a"), (b"remember", b"r")), False),
        (b"   sid=a", "main", ((b"sid", b"a"),), False),
    ],
)
def test_the_cookies_of_a_session_are_picked_as_the_framework_would(
    cookie: bytes, site: str, cookies: tuple[tuple[bytes, bytes], ...], duplicated: bool
) -> None:
    assert find_sessions(cookie, SITES) == SessionCookie(site, cookies, duplicated)
