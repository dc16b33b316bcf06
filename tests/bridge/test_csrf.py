"""The CSRF pair for a Bearer, against Django's own middleware."""

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory

from gateway.bridge.csrf import CsrfPairs
from gateway.core.credentials import Site
from gateway.core.translate import NO_SUPPLEMENT, Supplement
from gateway.headers import join_cookies
from gateway.model import RequestHead, VaultedSession

ORIGIN = "https://www.example.com"
DJANGO = Site("main", "app", (b"sessionid",), csrf="django")
HEAD = RequestHead(b"POST", b"/orders/", 1, [(b"Referer", b"https://evil.example/")], b"www.example.com")
VAULTED = VaultedSession("f-1", "ada", "main", ((b"sessionid", b"s1"),), "s1")


def pairs() -> CsrfPairs:
    return CsrfPairs(public_origin=ORIGIN, entropy=lambda length: b"\xab" * length)


@pytest.fixture
def django_settings() -> None:
    if not settings.configured:
        settings.configure(SECRET_KEY="x" * 50, ALLOWED_HOSTS=["www.example.com"], DEFAULT_CHARSET="utf-8")
        django.setup()


def is_accepted(supplement: Supplement, cookies: tuple[tuple[bytes, bytes], ...], *, is_secure: bool) -> bool:
    """Whether Django itself lets the request through."""
    fields = {name.decode(): value.decode() for name, value in supplement.add}
    request = RequestFactory().post("/orders/", secure=is_secure, headers={**fields, "host": "www.example.com"})
    request.META["HTTP_COOKIE"] = join_cookies((*cookies, *supplement.cookies)).decode()

    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    middleware = CsrfViewMiddleware(view)
    middleware.process_request(request)
    return middleware.process_view(request, view, (), {}) is None


@pytest.mark.usefixtures("django_settings")
def test_django_accepts_the_pair_over_https() -> None:
    supplement = pairs().supplement(DJANGO, VAULTED, HEAD)
    assert is_accepted(supplement, VAULTED.cookies, is_secure=True)


@pytest.mark.usefixtures("django_settings")
def test_django_refuses_the_same_request_without_the_pair() -> None:
    assert not is_accepted(NO_SUPPLEMENT, VAULTED.cookies, is_secure=True)


@pytest.mark.usefixtures("django_settings")
@pytest.mark.parametrize("length", [32, 64])
def test_a_csrf_cookie_that_travels_with_the_session_is_used_as_it_is(length: int) -> None:
    token = b"a1" * (length // 2)
    vaulted = VaultedSession("f-1", "ada", "main", (*VAULTED.cookies, (b"csrftoken", token)), "s1")
    supplement = pairs().supplement(DJANGO, vaulted, HEAD)
    assert supplement.cookies == ()
    assert (b"X-CSRFToken", token) in supplement.add
    assert is_accepted(supplement, vaulted.cookies, is_secure=True)


@pytest.mark.usefixtures("django_settings")
@pytest.mark.parametrize("token", [b"", b"short", b"x" * 33, b"<script>" * 4])
def test_a_csrf_cookie_that_django_would_not_take_is_replaced(token: bytes) -> None:
    vaulted = VaultedSession("f-1", "ada", "main", (*VAULTED.cookies, (b"csrftoken", token)), "s1")
    supplement = pairs().supplement(DJANGO, vaulted, HEAD)
    assert supplement.cookies == ((b"csrftoken", b"ab" * 16),)
    assert is_accepted(supplement, vaulted.cookies, is_secure=True)


def test_what_the_browser_says_about_where_it_comes_from_is_replaced_by_ours() -> None:
    supplement = pairs().supplement(DJANGO, VAULTED, HEAD)
    assert {b"origin", b"referer", b"sec-fetch-site", b"sec-fetch-mode", b"x-csrftoken"} <= supplement.without
    assert dict(supplement.add)[b"Origin"] == ORIGIN.encode()
    assert dict(supplement.add)[b"Referer"] == ORIGIN.encode() + b"/"


def test_the_lines_are_the_fields_joined() -> None:
    supplement = pairs().supplement(DJANGO, VAULTED, HEAD)
    assert supplement.lines == b"".join(b"%b: %b\r\n" % pair for pair in supplement.add)


def test_a_site_without_a_known_protection_gets_nothing() -> None:
    assert pairs().supplement(Site("main", "app", (b"sid",)), VAULTED, HEAD) is NO_SUPPLEMENT
