"""Each error becomes the answer that its reader can use: a problem, a page, or the way to the login and back."""

import base64
import hashlib
import re

import orjson
import pytest

from gateway.core.rescue import answer_error, wants_document
from gateway.errors import (
    BadRequest,
    ClientNotAllowed,
    GatewayError,
    InternalError,
    InvalidClient,
    InvalidGrant,
    InvalidTarget,
    InvalidToken,
    LoginRequired,
    MethodRefused,
    OriginRefused,
    RevocationUnavailable,
    SessionEnded,
    UnsupportedGrantType,
    UpgradeRefused,
    UpstreamTimeout,
)
from gateway.headers import Pairs
from gateway.model import Answer, RequestHead

LOGIN = "/login/"


def head(target: bytes = b"/page", *fields: tuple[bytes, bytes], method: bytes = b"GET", **rest: object) -> RequestHead:
    return RequestHead(method, target, 1, list(fields), b"www.example.com", **rest)  # type: ignore[arg-type]


def document(target: bytes = b"/page", method: bytes = b"GET") -> RequestHead:
    return head(target, (b"Sec-Fetch-Dest", b"document"), method=method)


def field(answer: Answer, name: bytes) -> bytes | None:
    values = [value for key, value in answer.fields if key == name]
    assert len(values) <= 1
    return values[0] if values else None


# --- programs ---


def test_n35_an_error_is_a_problem_of_rfc_9457() -> None:
    answer = answer_error(OriginRefused("From elsewhere."), head=head(), request_id="r-1")
    assert (answer.status, field(answer, b"content-type")) == (403, b"application/problem+json")
    assert orjson.loads(answer.body) == {
        "type": "urn:crossfade:problem:origin_refused",
        "title": OriginRefused.title,
        "status": 403,
        "code": "origin_refused",
        "detail": "From elsewhere.",
        "request_id": "r-1",
    }
    assert field(answer, b"x-crossfade") == b"1"
    assert field(answer, b"cache-control") == b"no-store"
    assert field(answer, b"x-content-type-options") == b"nosniff"


def test_a_request_that_could_not_be_read_gets_a_problem() -> None:
    answer = answer_error(BadRequest(), head=None, request_id="r-1")
    assert orjson.loads(answer.body)["status"] == answer.status == 400
    assert b"detail" not in answer.body


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (InvalidGrant("replay"), "invalid_grant"),
        (UnsupportedGrantType(), "unsupported_grant_type"),
        (InvalidClient(), "invalid_client"),
        (InvalidTarget(), "invalid_target"),
        (ClientNotAllowed(), "unauthorized_client"),
        (LoginRequired(), None),
        (OriginRefused(), None),
    ],
)
def test_errors_of_the_token_endpoint_carry_the_member_of_rfc_6749(error: GatewayError, word: str | None) -> None:
    assert orjson.loads(answer_error(error, head=None, request_id="r").body).get("error") == word


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (LoginRequired(), b'Bearer realm="crossfade"'),
        (
            InvalidToken("expired"),
            b'Bearer realm="crossfade", error="invalid_token", error_description="The access token is not valid."',
        ),
        (
            SessionEnded(),
            b'Bearer realm="crossfade", error="invalid_token", error_description="The session has ended."',
        ),
        (InvalidClient(), b'Bearer realm="crossfade"'),
        (OriginRefused(), None),
        (InvalidGrant("x"), None),
    ],
)
def test_n32_a_401_carries_a_challenge_and_nothing_else_does(error: GatewayError, challenge: bytes | None) -> None:
    assert field(answer_error(error, head=head(), request_id="r"), b"www-authenticate") == challenge


def test_a_client_is_challenged_with_the_scheme_that_it_used() -> None:
    shown = head(authorization=b"basic dXNlcjpwYXNz")
    assert field(answer_error(InvalidClient(), head=shown, request_id="r"), b"www-authenticate") == (
        b'Basic realm="crossfade"'
    )
    assert field(answer_error(LoginRequired(), head=shown, request_id="r"), b"www-authenticate") == (
        b'Bearer realm="crossfade"'
    )


def test_reasons_are_never_shown() -> None:
    for error in (InvalidToken("not_yet_valid"), InvalidGrant("not_yet_valid")):
        for reader in (head(), document()):
            answer = answer_error(error, head=reader, request_id="r")
            assert b"not_yet_valid" not in answer.body + b"".join(value for _, value in answer.fields)


def test_a_fault_of_ours_says_when_to_try_again() -> None:
    answer = answer_error(RevocationUnavailable(retry_after=7), head=head(), request_id="r")
    assert (answer.status, field(answer, b"retry-after")) == (503, b"7")
    assert field(answer, b"www-authenticate") is None


def test_refusals_name_what_would_be_accepted() -> None:
    assert b"POST" in (field(answer_error(MethodRefused(), head=head(), request_id="r"), b"allow") or b"")
    upgrade = answer_error(UpgradeRefused(), head=head(), request_id="r")
    assert (field(upgrade, b"upgrade"), field(upgrade, b"sec-websocket-version")) == (b"websocket", b"13")


# --- documents ---


@pytest.mark.parametrize(
    ("fields", "is_document"),
    [
        ([(b"Sec-Fetch-Dest", b"document"), (b"Accept", b"*/*")], True),
        ([(b"Sec-Fetch-Dest", b"empty"), (b"Accept", b"text/html")], False),
        ([(b"Sec-Fetch-Dest", b"image"), (b"Accept", b"text/html")], False),
        ([(b"Accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")], True),
        ([(b"Accept", b"TEXT/HTML")], True),
        ([(b"Accept", b"application/json")], False),
        ([(b"Accept", b"*/*")], False),
        ([], False),
    ],
)
def test_who_reads_the_answer(fields: Pairs, is_document: bool) -> None:
    assert wants_document(head(b"/", *fields)) is is_document


def test_a_client_of_ours_and_a_websocket_are_programs() -> None:
    assert not wants_document(head(b"/", (b"Accept", b"text/html"), asks=b"1"))
    assert not wants_document(head(b"/", (b"Accept", b"text/html"), websocket=True))


def test_a_person_gets_a_small_plain_page_with_the_request_id() -> None:
    answer = answer_error(UpstreamTimeout(), head=document(), request_id="r-1")
    assert answer.status == 504
    assert field(answer, b"content-type") == b"text/html; charset=utf-8"
    page = answer.body.decode()
    assert page.count(UpstreamTimeout.title) == 2
    assert "r-1" in page
    assert "upstream_timeout" in page
    assert len(answer.body) < 1500


def test_the_page_runs_no_script_and_its_policy_allows_its_own_style_alone() -> None:
    answer = answer_error(InternalError(), head=document(), request_id="r")
    page = answer.body.decode()
    style = re.search("<style>(.*)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = (field(answer, b"content-security-policy") or b"").decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "<script" not in page
    assert " style=" not in page
    assert "http" not in page


def test_everything_on_the_page_is_escaped() -> None:
    error = OriginRefused('<script>alert("x")</script>{title}')
    answer = answer_error(error, head=document(), request_id="<b>&{style}")
    assert b"<script>" not in answer.body
    assert b"<b>" not in answer.body
    assert b"&lt;script&gt;" in answer.body
    assert b"&lt;b&gt;&amp;{style}" in answer.body


def test_the_page_says_when_to_try_again() -> None:
    assert (
        b"Try again in 7 s." in answer_error(RevocationUnavailable(retry_after=7), head=document(), request_id="r").body
    )


# --- the way to the login ---


def test_a_document_that_needs_a_login_is_sent_there_and_back() -> None:
    answer = answer_error(LoginRequired(), head=document(b"/a/b?x=1&y=%20"), request_id="r", login_url=LOGIN)
    assert (answer.status, answer.body) == (303, b"")
    assert field(answer, b"location") == b"/login/?next=/a/b%3Fx%3D1%26y%3D%2520"
    assert field(answer, b"cache-control") == b"no-store"
    assert field(answer, b"x-crossfade") == b"1"


@pytest.mark.parametrize("error", [LoginRequired(), InvalidToken("expired"), SessionEnded()])
def test_each_401_is_a_way_to_the_login(error: GatewayError) -> None:
    assert answer_error(error, head=document(), request_id="r", login_url=LOGIN).status == 303


@pytest.mark.parametrize(
    ("reader", "login_url", "status"),
    [
        (head(), LOGIN, 401),
        (document(), "", 401),
        (document(b"/login/"), LOGIN, 401),
        (document(b"/login/?next=/x"), LOGIN, 401),
        (document(b"/login"), "https://sso.example.com/login", 303),
        (document(b"/login"), "https://www.example.com/login", 401),
    ],
)
def test_only_documents_elsewhere_are_sent_to_the_login(reader: RequestHead, login_url: str, status: int) -> None:
    assert answer_error(LoginRequired(), head=reader, request_id="r", login_url=login_url).status == status


def test_a_page_that_cannot_be_redirected_links_to_the_login() -> None:
    answer = answer_error(LoginRequired(), head=document(b"/login/"), request_id="r", login_url=LOGIN)
    assert b'<a href="/login/">' in answer.body


def test_other_errors_are_never_sent_to_the_login() -> None:
    for error in (OriginRefused(), RevocationUnavailable(), BadRequest()):
        assert answer_error(error, head=document(), request_id="r", login_url=LOGIN).status == error.status


@pytest.mark.parametrize(
    ("login_url", "location"),
    [
        ("/login", b"/login?next=/page"),
        ("/login?kind=a", b"/login?kind=a&next=/page"),
        ("/login#form", b"/login?next=/page#form"),
        ("https://sso.example.com/in", b"https://sso.example.com/in?next=/page"),
        ("/connexion é", b"/connexion%20%C3%A9?next=/page"),
        ("/a\r\nSet-Cookie: x=y", b"/a%0D%0ASet-Cookie:%20x=y?next=/page"),
    ],
)
def test_the_way_back_is_added_to_any_login_url(login_url: str, location: bytes) -> None:
    answer = answer_error(LoginRequired(), head=document(), request_id="r", login_url=login_url)
    assert field(answer, b"location") == location


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE"])
def test_there_is_no_way_back_to_a_form_that_was_sent(method: bytes) -> None:
    answer = answer_error(LoginRequired(), head=document(method=method), request_id="r", login_url=LOGIN)
    assert field(answer, b"location") == b"/login/"


def test_there_is_no_way_back_to_another_origin() -> None:
    answer = answer_error(LoginRequired(), head=document(b"//evil.example"), request_id="r", login_url=LOGIN)
    assert field(answer, b"location") == b"/login/"
