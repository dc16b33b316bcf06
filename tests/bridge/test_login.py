"""A login typed into the application's own page, over real sockets."""

from collections.abc import Sequence

import httpx
import pytest

from gateway.bridge.login import MAX_PAGE, FormLogin, LoginForm
from gateway.bridge.login_page import find_login_form
from gateway.core.credentials import Site
from gateway.errors import LoginChanged, LoginUnavailable, TooMany
from gateway.login_ports import Password, Replayed
from gateway.model import Anonymous, LegacySession, SessionCookie
from tests.bridge.test_logout import Application, FixedClock, serving

SITE = Site("main", "app", (b"sid",))
TYPED = Password("ada", "lovelace & 1843")
PAGE = b'<form><input name="csrf" value="of-the-search"></form><form><input name=csrf value="a&amp;b">\
<input name=username><input type=password name=password></form>'


def answer(status: str, *fields: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields, "", ""]).encode() + body


async def replay(
    answers: Sequence[bytes], *, verdict: object = None, patience: float = 5.0, **form: object
) -> tuple[Replayed, list[bytes]]:
    application = Application(list(answers), verdict=verdict or Anonymous("no_user"))  # type: ignore[arg-type]
    async with serving(application) as url, httpx.AsyncHTTPTransport() as transport:
        settings = {"page": url, **form}
        page = LoginForm(url, "https://www.example.com", "www.example.com", timeout=patience, **settings)  # type: ignore[arg-type]
        login = FormLogin(site=SITE, form=page, transport=transport, sessions=application, clock=FixedClock())
        told = [(b"x-forwarded-for", b"192.0.2.7"), (b"user-agent", b"Notes/1.0")]
        try:
            return await login.replay(TYPED, told), application.requests
        finally:
            replay.requests = application.requests  # type: ignore[attr-defined]


def asked() -> list[bytes]:
    requests: list[bytes] = replay.requests  # type: ignore[attr-defined]
    return requests


async def test_the_session_after_the_login_counts_and_not_the_one_before() -> None:
    replayed, requests = await replay(
        [
            answer("200 OK", "set-cookie: sid=before; Path=/", "set-cookie: other=1", body=PAGE),
            answer("302 Found", "location: /home", "set-cookie: sid=after; HttpOnly"),
        ],
        csrf_field="csrf",
    )
    assert replayed.shown == SessionCookie("main", ((b"sid", b"after"),))
    lines = set(requests[1].lower().split(b"\r\n"))
    assert {
        b"post /logout/ http/1.1",
        b"host: www.example.com",
        b"cookie: sid=before; other=1",
        b"origin: https://www.example.com",
        b"referer: https://www.example.com/logout/",
        b"x-forwarded-for: 192.0.2.7",
        b"x-forwarded-proto: https",
        b"user-agent: notes/1.0",
        b"content-length: %d" % len(b"username=ada&password=lovelace+%26+1843&csrf=a%26b"),
    } <= lines


async def test_a_cookie_is_sent_back_in_its_header_as_scripts_read_it() -> None:
    _, requests = await replay(
        [answer("200 OK", "set-cookie: XSRF-TOKEN=a%3D; Path=/"), answer("200 OK", body=b"{}")],
        kind="json",
        csrf_cookie=b"XSRF-TOKEN",
        csrf_header=b"X-XSRF-TOKEN",
    )
    assert b"x-xsrf-token: a=" in requests[1].lower().split(b"\r\n")
    assert b"cookie: xsrf-token=a%3d" in requests[1].lower().split(b"\r\n")


@pytest.mark.parametrize(
    "page",
    [
        answer("200 OK", body=b"<form><input name=username><input name=password></form>"),
        answer("200 OK", body=b"<form><input name=csrf value=1></form>"),
        answer("302 Found", "location: /elsewhere"),
        answer("404 Not Found"),
        answer("200 OK", "content-encoding: gzip", body=PAGE),
        answer("200 OK", body=b" " * MAX_PAGE + PAGE),
        answer("200 OK", *(f"set-cookie: c{n}=1" for n in range(60)), body=PAGE),
    ],
)
async def test_no_password_is_sent_to_a_page_that_is_not_the_login(page: bytes) -> None:
    with pytest.raises(LoginChanged):
        await replay([page], csrf_field="csrf")
    assert len(asked()) == 1


async def test_no_password_is_sent_where_everybody_is_somebody() -> None:
    page = answer("200 OK", "set-cookie: sid=guest", body=PAGE)
    with pytest.raises(LoginChanged):
        await replay([page], csrf_field="csrf", verdict=LegacySession("main", "guest", "guest"))
    assert len(asked()) == 1


@pytest.mark.parametrize(
    ("kind", "reply", "means"),
    [
        ("form", answer("200 OK", body=PAGE), "refused"),
        ("form", answer("403 Forbidden", body=PAGE), "refused"),
        ("form", answer("302 Found", "location: ?error=1"), "refused"),
        ("form", answer("302 Found", "location: https://www.example.com/logout/"), "refused"),
        ("form", answer("401 Unauthorized"), "refused"),
        ("form", answer("302 Found", "location: /code"), "incomplete"),
        ("form", answer("302 Found"), "incomplete"),
        ("form", answer("200 OK", body=b"<form><input name=code></form>"), "incomplete"),
        ("form", answer("403 Forbidden", body=b"CSRF"), "changed"),
        ("form", answer("404 Not Found"), "changed"),
        ("json", answer("400 Bad Request"), "refused"),
        ("json", answer("403 Forbidden"), "refused"),
        ("json", answer("200 OK", body=b"{}"), "incomplete"),
        ("json", answer("302 Found", "location: /login"), "changed"),
        ("json", answer("415 Unsupported Media Type"), "changed"),
    ],
)
async def test_what_an_answer_means_where_nobody_is_signed_in(kind: str, reply: bytes, means: str) -> None:
    replayed, _ = await replay([reply], kind=kind, page="")
    assert (replayed.shown, replayed.means) == (None, means)


async def test_an_answer_that_refuses_opens_no_session() -> None:
    replayed, _ = await replay([answer("401 Unauthorized", "set-cookie: sid=guest")], page="")
    assert replayed == Replayed(None, "refused")


@pytest.mark.parametrize(
    "reply",
    [answer("500 Oops"), answer("503 Away"), b"", b"SSH-2.0-OpenSSH\r\n\r\n"],
    ids=["500", "503", "silent", "ssh"],
)
async def test_an_application_that_is_away_is_no_refusal_and_its_error_knows_no_password(reply: bytes) -> None:
    with pytest.raises(LoginUnavailable) as raised:
        await replay([reply], page="", patience=0.2)
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    assert "lovelace" not in repr(TYPED)


@pytest.mark.parametrize(("given", "seconds"), [("7", 7), ("999999", 3600), ("soon", 1)])
async def test_a_limit_of_the_application_is_passed_on(given: str, seconds: int) -> None:
    with pytest.raises(TooMany) as raised:
        await replay([answer("429 Too Many Requests", f"retry-after: {given}")], page="")
    assert raised.value.retry_after == seconds


def test_the_form_with_the_password_is_the_one_that_is_read() -> None:
    form = find_login_form(PAGE, "csrf", "password")
    assert form is not None
    assert form.inputs["csrf"] == "a&b"
    assert find_login_form(b"<input name=password>", "password") is None
