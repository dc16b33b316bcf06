"""What every visit passes: preflights, unknown addresses, and faults that nobody foresaw."""

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from gateway.core.cors import CrossOrigin
from gateway.core.phases import posture_of
from gateway.model import Peer, Phase, RequestHead
from gateway.web.reception import Reception
from tests.web.site import ELSEWHERE, EXCHANGE, ORIGIN, REFRESH, Desk, Site, code

PREFLIGHT = {
    "origin": ELSEWHERE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type, x-crossfade",
}


@pytest.mark.parametrize("path", ["/.crossfade/token", "/.crossfade/session", "/.well-known/jwks.json"])
async def test_a_preflight_of_a_listed_origin_needs_no_credential(site: Site, path: str) -> None:
    response = await site.program.options(path, headers=PREFLIGHT)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == ELSEWHERE
    assert "x-crossfade" in response.headers["access-control-allow-headers"]


async def test_a_preflight_of_another_origin_is_allowed_nothing(site: Site) -> None:
    headers = {**PREFLIGHT, "origin": "https://evil.example"}
    response = await site.program.options("/.crossfade/token", headers=headers)
    assert (response.status_code, response.headers["allow"]) == (204, "OPTIONS, POST")
    assert "access-control-allow-origin" not in response.headers


async def test_a_refusal_can_be_read_by_a_listed_origin(site: Site) -> None:
    response = await site.program.post("/.crossfade/token", headers={"origin": ELSEWHERE})
    assert response.status_code == 401
    assert response.headers.get_list("access-control-allow-origin") == [ELSEWHERE]


async def test_each_answer_names_its_origin_once_where_the_sites_own_is_listed_too(site: Site) -> None:
    site = Site(site.world, ORIGIN)
    await site.exchange()
    site.world.app.log_out(b"s1")
    site.world.pass_time(60)
    for data, status in ((REFRESH, 400), (EXCHANGE, 409), ({}, 401)):
        response = await site.browser.post("/.crossfade/token", data=data)
        assert response.status_code == status
        assert response.headers.get_list("access-control-allow-origin") == [ORIGIN]
        assert response.headers.get_list("access-control-allow-credentials") == ["true"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.crossfade/tickets"),
        ("GET", "/.crossfade/"),
        ("GET", "/.crossfade/token/"),
    ],
)
async def test_what_does_not_exist_is_a_problem_of_ours(site: Site, method: str, path: str) -> None:
    response = await site.program.request(method, path)
    assert code(response) == (404, "not_found")
    assert response.headers["x-crossfade"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/.crossfade/token", "OPTIONS, POST"),
        ("PUT", "/.crossfade/logout", "OPTIONS, POST"),
        ("POST", "/.crossfade/session", "GET, HEAD, OPTIONS"),
        ("DELETE", "/.well-known/jwks.json", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(site: Site, method: str, path: str, allow: str) -> None:
    response = await site.program.request(method, path)
    assert code(response) == (405, "wrong_method")
    assert response.headers["allow"] == allow
    asked = await site.program.options(path)
    assert (asked.status_code, asked.content, asked.headers["allow"]) == (204, b"", allow)


async def test_n35_a_problem_says_its_status_and_its_request(site: Site) -> None:
    response = await site.program.post("/.crossfade/token")
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["request_id"]) == (response.status_code, "r-1")
    assert response.headers["content-length"] == str(len(response.content))
    assert problem["type"] == "urn:crossfade:problem:invalid_client"
    assert response.headers["cache-control"] == "no-store"


async def test_a_fault_that_nobody_foresaw_says_nothing_but_the_request_id(site: Site) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    site.world.tokens.identify = broken  # type: ignore[method-assign, assignment]
    response = await site.browser.get("/.crossfade/session")
    assert code(response) == (500, "internal_error")
    assert response.json()["request_id"] == "r-1"
    assert "secret" not in response.text


async def test_a_person_sees_a_page(site: Site) -> None:
    headers = {"accept": "text/html", "x-crossfade": ""}
    response = await site.program.get("/.crossfade/nothing", headers={**headers, "sec-fetch-dest": "document"})
    assert response.status_code == 404


async def test_who_left_is_not_answered() -> None:
    sent: list[Message] = []

    async def leaving(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    desk = Desk(CrossOrigin(), posture_of(Phase.PARALLEL, "initial"))
    head = RequestHead(b"POST", b"/.crossfade/token", 1, [], b"www.example.com")
    extension = {"head": head, "peer": Peer("192.0.2.1"), "request_id": "r-1"}
    scope = {"type": "http", "extensions": {"crossfade": extension}}
    await Reception(leaving, gate=desk, cross_origin=CrossOrigin())(scope, receive, send)
    assert sent == []


async def test_anything_but_a_request_is_handed_on() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: object) -> None: ...

    desk = Desk(CrossOrigin())
    await Reception(app, gate=desk, cross_origin=CrossOrigin())({"type": "lifespan"}, nothing, nothing)  # type: ignore[arg-type]
    assert seen == ["lifespan"]
