"""The CSRF pair for a Bearer, against Django's own middleware, and what else is put beside the token."""

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory

from gateway.bridge.csrf import CsrfPairs
from gateway.core.csrf import DJANGO_SECRET, CsrfCheck, plain
from gateway.core.translate import NO_SUPPLEMENT, Supplement
from gateway.headers import join_cookies

ORIGIN = "https://www.example.com"
DJANGO = CsrfCheck(b"X-CSRFToken", plain, b"csrftoken", DJANGO_SECRET)
LARAVEL = CsrfCheck(b"X-CSRF-TOKEN", plain)
COOKIES = ((b"sessionid", b"s1"),)


def supplement(
    cookies: tuple[tuple[bytes, bytes], ...] = COOKIES, check: CsrfCheck = DJANGO, secret: str = ""
) -> Supplement:
    pairs = CsrfPairs(public_origin=ORIGIN, entropy=lambda length: b"\xab" * length, checks={"main": check})
    found = pairs.find_check("main")
    assert found is not None
    return pairs.supplement(found, cookies, secret, 0.0)


@pytest.fixture
def django_settings() -> None:
    if not settings.configured:
        settings.configure(SECRET_KEY="x" * 50, ALLOWED_HOSTS=["www.example.com"], DEFAULT_CHARSET="utf-8")
        django.setup()


def is_accepted(
    supplement: Supplement, cookies: tuple[tuple[bytes, bytes], ...], *, session: dict[str, str] | None = None
) -> bool:
    """Whether Django itself lets the request through, over https; with a session it keeps its secret there."""
    fields = {name.decode(): value.decode() for name, value in supplement.add}
    request = RequestFactory().post("/orders/", secure=True, headers={**fields, "host": "www.example.com"})
    request.META["HTTP_COOKIE"] = join_cookies((*cookies, *supplement.cookies)).decode()

    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    middleware = CsrfViewMiddleware(view)
    with pytest.MonkeyPatch.context() as patch:
        if session is not None:
            patch.setattr(settings, "CSRF_USE_SESSIONS", True)
            request.session = session
        middleware.process_request(request)
        return middleware.process_view(request, view, (), {}) is None


@pytest.mark.usefixtures("django_settings")
def test_django_accepts_the_pair_over_https() -> None:
    assert is_accepted(supplement(), COOKIES)


@pytest.mark.usefixtures("django_settings")
def test_django_refuses_the_same_request_without_the_pair() -> None:
    assert not is_accepted(NO_SUPPLEMENT, COOKIES)


@pytest.mark.usefixtures("django_settings")
def test_django_that_keeps_its_secret_in_the_session_accepts_that() -> None:
    """CSRF_USE_SESSIONS."""
    secret = "s3cr3t" + "a" * 26
    assert is_accepted(supplement(secret=secret), COOKIES, session={"_csrftoken": secret})
    assert not is_accepted(supplement(), COOKIES, session={"_csrftoken": secret})


@pytest.mark.usefixtures("django_settings")
@pytest.mark.parametrize("length", [32, 64])
def test_a_csrf_cookie_that_travels_with_the_session_is_used_as_it_is(length: int) -> None:
    token = b"a1" * (length // 2)
    cookies = (*COOKIES, (b"csrftoken", token))
    given = supplement(cookies, secret="z" * 32)
    assert given.cookies == ()
    assert (b"X-CSRFToken", token) in given.add
    assert is_accepted(given, cookies)


@pytest.mark.usefixtures("django_settings")
@pytest.mark.parametrize("token", [b"", b"short", b"x" * 33, b"<script>" * 4])
def test_a_csrf_cookie_that_django_would_not_take_is_replaced(token: bytes) -> None:
    cookies = (*COOKIES, (b"csrftoken", token))
    given = supplement(cookies)
    assert given.cookies == ((b"csrftoken", b"ab" * 16),)
    assert is_accepted(given, cookies)


def test_what_the_browser_says_about_where_it_comes_from_is_replaced_by_ours() -> None:
    given = supplement()
    assert {b"origin", b"referer", b"sec-fetch-site", b"sec-fetch-mode", b"x-csrftoken"} <= given.without
    assert dict(given.add)[b"Origin"] == ORIGIN.encode()
    assert dict(given.add)[b"Referer"] == ORIGIN.encode() + b"/"
    assert dict(given.add)[b"Sec-Fetch-Site"] == b"same-origin"


def test_the_lines_are_the_fields_joined() -> None:
    given = supplement()
    assert given.lines == b"".join(b"%b: %b\r\n" % pair for pair in given.add)


def test_a_check_against_the_session_gets_the_secret_of_the_session_and_no_cookie() -> None:
    given = supplement(check=LARAVEL, secret="t" * 40)
    assert (given.cookies, given.add[0]) == ((), (b"X-CSRF-TOKEN", b"t" * 40))


@pytest.mark.parametrize("secret", ["", "a b", "a\r\nX-Auth-Subject: eve", "é", "x" * 513])
def test_a_session_without_a_secret_that_a_header_can_carry_gets_nothing(secret: str) -> None:
    assert supplement(check=LARAVEL, secret=secret) is NO_SUPPLEMENT


def test_a_site_without_a_known_protection_has_no_check() -> None:
    assert CsrfPairs(public_origin=ORIGIN, entropy=bytes, checks={}).find_check("main") is None
