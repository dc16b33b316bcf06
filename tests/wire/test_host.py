"""Our own endpoints: an ASGI application of ours, run for one request of a client."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError, InternalError, LoginRequired, OriginRefused
from gateway.model import Peer, RequestHead, Visit
from tests.wire.stand import PERMIT, Decision, Stand, get, post


async def shows(request: Request) -> Response:
    """Say everything that a request told."""
    extension = request.scope["extensions"]["crossfade"]
    head, peer = extension["head"], extension["peer"]
    assert isinstance(head, RequestHead)
    assert isinstance(peer, Peer)
    assert request.client is not None
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.query_params),
            "headers": dict(request.headers),
            "raw_path": request.scope["raw_path"].decode(),
            "client": request.client.host,
            "body": (await request.body()).decode(),
            "request_id": extension["request_id"],
            "peer": peer.address,
        },
        headers={"x-own": "yes"},
    )


async def streams(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(int(request.query_params["pieces"])):
            yield b"x" * 1000

    return StreamingResponse(pieces())


async def waits(request: Request) -> Response:
    await asyncio.sleep(60)
    return Response()


async def deletes(request: Request) -> Response:
    return Response(status_code=204)


APP = Starlette(
    routes=[
        Route("/own/show", shows, methods=["GET", "POST"]),
        Route("/own/stream", streams),
        Route("/own/wait", waits),
        Route("/own/delete", deletes, methods=["DELETE"]),
    ]
)


def decide(head: RequestHead, peer: Peer) -> Decision:
    return Visit("token") if head.path.startswith(b"/own") else PERMIT


@pytest.fixture
async def hosting(stand: Stand) -> Stand:
    stand.own = APP
    stand.flow.decide = decide
    stand.wait(own_timeout=2.0)
    await stand.open()
    return stand


async def ask_json(stand: Stand, request: bytes) -> dict[str, object]:
    client = await stand.connect()
    status, head, body = await client.ask(request)
    assert (status, b"x-own: yes" in head) == (200, True)
    answer = orjson.loads(body)
    assert isinstance(answer, dict)
    return answer


async def test_an_endpoint_sees_the_whole_request(hosting: Stand) -> None:
    answer = await ask_json(
        hosting,
        get(
            "/own/show?a=%20b",
            "Authorization: Bearer t",
            "Cookie: sid=s",
            "Origin: https://a",
            "X-Crossfade: 1",
            "Accept: x/y",
            "X-Request-ID: mine",
        ),
    )
    assert answer == {
        "method": "GET",
        "path": "/own/show",
        "raw_path": "/own/show",
        "query": {"a": " b"},
        "headers": {
            "accept": "x/y",
            "host": "a",
            "authorization": "Bearer t",
            "cookie": "sid=s",
            "origin": "https://a",
            "x-crossfade": "1",
        },
        "client": "127.0.0.1",
        "body": "",
        "request_id": "mine",
        "peer": "127.0.0.1",
    }


async def test_an_endpoint_gets_the_body(hosting: Stand) -> None:
    assert (await ask_json(hosting, post(b"a=b&c=d", path="/own/show")))["body"] == "a=b&c=d"


async def test_a_body_in_pieces_is_collected(hosting: Stand) -> None:
    client = await hosting.connect()
    client.send(b"POST /own/show HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (b"3\r\na=b\r\n", b"4\r\n&c=d\r\n", b"0\r\n\r\n"):
        await client.send_all(piece)
        await asyncio.sleep(0)
    assert b'"body":"a=b&c=d"' in (await client.response())[2]


async def test_a_client_that_asks_first_is_told_to_go_on(hosting: Stand) -> None:
    client = await hosting.connect()
    client.send(b"POST /own/show HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"{}")
    assert (await client.response())[0] == 200


async def test_an_answer_keeps_the_connection_and_its_order(hosting: Stand) -> None:
    client = await hosting.connect()
    client.send(
        get("/own/show") + get("/app") + get("/own/nothing") + b"DELETE /own/delete HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert [(await client.response())[0] for _ in range(4)] == [200, 200, 404, 204]
    assert [fact.route for fact in hosting.facts.requests] == ["token", "/*", "token", "token"]


async def test_head_gets_the_head_only(hosting: Stand) -> None:
    client = await hosting.connect()
    client.send(b"HEAD /own/show HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    head = await client.head()
    assert b"content-length: " in head
    assert b"content-length: 0" not in head
    assert await client.rest() == b""


async def test_an_answer_of_unknown_length_is_chunked(hosting: Stand) -> None:
    client = await hosting.connect()
    status, head, body = await client.ask(get("/own/stream?pieces=3"))
    assert (status, body, b"transfer-encoding: chunked" in head) == (200, b"x" * 3000, True)


async def test_an_endpoint_waits_for_a_client_that_does_not_read(hosting: Stand) -> None:
    client = await hosting.connect(receive_buffer=4096, limit=4096)
    client.send(get("/own/stream?pieces=5000"))
    await hosting.until(lambda: hosting.connection.is_full)
    await client.head()
    assert await client.count_chunks() == 5_000_000


# --- what goes wrong ---


@pytest.mark.parametrize("error", [LoginRequired(), OriginRefused(), KeyError("bug")])
async def test_an_error_of_an_endpoint_is_answered(stand: Stand, error: Exception) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    stand.own = fails
    stand.flow.decide = decide
    await stand.open()
    client = await stand.connect()
    status, _, body = await client.ask(get("/own"))
    expected = error if isinstance(error, GatewayError) else InternalError()
    assert (status, body) == (expected.status, expected.code.encode())
    assert (await client.ask(get("/app")))[0] == 200


async def test_an_endpoint_with_a_bug_answers_and_is_reported(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(request: Request) -> Response:
        raise KeyError

    stand.own = Starlette(routes=[Route("/own", fails)])
    stand.flow.decide = decide
    await stand.open()
    client = await stand.connect()
    assert (await client.ask(get("/own")))[0] == 500
    await stand.until(lambda: "unexpected error" in caplog.text)


async def test_a_body_that_no_endpoint_takes_is_413(hosting: Stand) -> None:
    client = await hosting.connect()
    client.send(post(b"x" * 65537, path="/own/show"))
    assert (await client.response())[::2] == (413, b"body_too_large")
    assert await client.rest() == b""


async def test_an_endpoint_that_takes_too_long_is_503(stand: Stand) -> None:
    stand.own = APP
    stand.flow.decide = decide
    stand.wait(own_timeout=0.05)
    await stand.open()
    client = await stand.connect()
    assert (await client.ask(get("/own/wait")))[::2] == (503, b"overloaded")


@pytest.mark.parametrize("messages", [0, 1, 2])
async def test_an_endpoint_that_returns_without_a_complete_answer_is_a_bug(stand: Stand, messages: int) -> None:
    async def forgets(scope: Scope, receive: Receive, send: Send) -> None:
        if messages > 0:
            await send({"type": "http.response.start", "status": 299, "headers": []})
        if messages > 1:
            await send({"type": "http.response.body", "body": b"half", "more_body": True})

    stand.own = forgets
    stand.flow.decide = decide
    await stand.open()
    client = await stand.connect()
    client.send(get("/own"))
    if messages < 2:
        assert (await client.response())[0] == 500
    else:
        assert (await client.head()).startswith(b"HTTP/1.1 299 \r\n")
        assert await client.rest() == b"4\r\nhalf\r\n"
    assert stand.facts.requests[0].code == "internal_error"


async def test_an_endpoint_finishes_although_the_client_has_left(stand: Stand) -> None:
    """What was begun, such as a rotation, is done; nobody hears the answer."""
    heard: list[str] = []
    go_on = asyncio.Event()

    async def rotates(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        heard.append((await receive())["type"])
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        heard.append("done")

    stand.own = rotates
    stand.flow.decide = decide
    await stand.open()
    client = await stand.connect()
    client.send(get("/own"))
    await stand.until(lambda: stand.server.request_count)
    client.reset()
    await stand.until(lambda: heard == ["http.disconnect"])
    assert not await stand.server.wait_idle(0.01)
    go_on.set()
    assert await stand.server.wait_idle(5)
    assert heard == ["http.disconnect", "done"]
    assert stand.facts.requests[0].code == "client_closed"


async def test_what_an_endpoint_does_after_its_answer_is_waited_for(stand: Stand) -> None:
    done: list[bool] = []

    async def later() -> None:
        await asyncio.sleep(0.02)
        done.append(True)

    async def answers(request: Request) -> Response:
        return PlainTextResponse("ok", background=BackgroundTask(later))

    stand.own = Starlette(routes=[Route("/own", answers)])
    stand.flow.decide = decide
    await stand.open()
    client = await stand.connect()
    assert (await client.ask(get("/own", "Connection: close")))[0] == 200
    client.close()
    assert await stand.server.wait_idle(5)
    assert done == [True]
