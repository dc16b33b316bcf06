"""Our cookies as a browser gets them."""

import pytest

from gateway.core.own_cookies import MOST_OF_ALL, MOST_OF_ONE, NAMES, OwnCookies, own_cookies
from gateway.headers import read_set_cookie


def written(cookies: OwnCookies) -> list[bytes]:
    return [value for _, value in cookies.giving("a.b.c", "cfr_x", 60)]


def test_cookies_of_this_host_have_the_strongest_prefix_and_no_domain() -> None:
    assert written(own_cookies(same_site="strict", domain="")) == [
        b"__Host-crossfade_access=a.b.c; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict",
        b"__Host-crossfade_refresh=cfr_x; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict",
    ]


def test_cookies_with_a_domain_have_the_prefix_that_browsers_allow_them() -> None:
    cookies = own_cookies(same_site="lax", domain="example.com")
    assert written(cookies)[0] == (
        b"__Secure-crossfade_access=a.b.c; Path=/; Domain=example.com; Max-Age=60; Secure; HttpOnly; SameSite=Lax"
    )
    assert {cookies.access, cookies.refresh} < NAMES


def test_cookies_are_deleted_where_they_were_set() -> None:
    cookies = own_cookies(same_site="lax", domain="example.com")
    access, refresh, session = [value for _, value in cookies.deleting([b"sessionid"])]
    assert b"; Domain=example.com; Max-Age=0;" in access
    assert b"; Domain=example.com; Max-Age=0;" in refresh
    assert b"Domain" not in session


def test_two_of_one_name_are_deleted_wherever_they_may_have_been_set() -> None:
    """`cookie_domain` was another one before: a browser shows both, and neither can be told from the other."""
    cookies = own_cookies(same_site="lax", domain="www.example.com", host="www.example.com")
    deleted = [value for _, value in cookies.deleting_doubled(cookies.access + b"=a; x=1; " + cookies.access + b"=b")]
    assert [line.partition(b"=")[0] for line in deleted] == [cookies.access] * 3 + [cookies.refresh] * 3
    places = [b"Path=/; Max-Age=0", b"Domain=www.example.com; Max-Age=0", b"Domain=example.com; Max-Age=0"]
    assert all(place in line for place, line in zip(places * 2, deleted, strict=True))
    assert not cookies.deleting_doubled(cookies.access + b"=a; " + cookies.refresh + b"=b")
    assert not cookies.deleting_doubled(None)
    alone = own_cookies(same_site="lax", domain="", host="www.example.com")
    assert not alone.deleting_doubled(alone.access + b"=a; " + alone.access + b"=b")


def test_a_cookie_that_browsers_drop_or_servers_refuse_is_too_large() -> None:
    cookies = OwnCookies()
    fits = cookies.giving("x" * 3000, "y" * 50, 60)
    assert not cookies.is_too_large(fits, None)
    assert cookies.is_too_large(cookies.giving("x" * MOST_OF_ONE, "y", 60), None)
    assert cookies.is_too_large(fits, b"z" * (MOST_OF_ALL - 3000))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"sessionid=x; Path=/; SameSite=Strict", b"Strict"),
        (b"sessionid=x; samesite=none; Secure", b"None"),
        (b"sessionid=x; Path=/", b"Lax"),
        (b"sessionid=x; SameSite=Sideways", b"Lax"),
        (b"sessionid=; SameSite=Lax; Max-Age=0", b"Strict"),
    ],
)
def test_auto_follows_the_session_cookie_of_the_application(line: bytes, expected: bytes) -> None:
    cookies, fixed = own_cookies(same_site="auto", domain=""), own_cookies(same_site="strict", domain="")
    assert cookies.same_site == b"Lax"
    for each in (cookies, fixed):
        each.follow([read_set_cookie(b"sessionid=x; SameSite=Strict", 0.0), read_set_cookie(line, 0.0)])
    assert cookies.same_site == expected
    assert fixed.same_site == b"Strict"
