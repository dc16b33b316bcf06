"""A client's connection: requests one after the other, answers in order, and nothing of a refused one gets through."""

import asyncio

import pytest

from gateway.core.trust import TrustedProxies
from gateway.errors import BadRequest, Forbidden, LoginRequired, Unavailable
from gateway.facts import Event
from gateway.model import Answer, Peer, Permit, RequestHead
from tests.wire.stand import OK, PERMIT, Line, Stand, answers_ok, get, post


async def echoes_target(line: Line) -> None:
    while head := await line.head():
        target = head.split(b" ")[1]
        line.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target))


# --- one after the other ---


async def test_requests_of_one_connection_are_answered_one_after_the_other(stand: Stand) -> None:
    app = await stand.open(echoes_target)
    client = await stand.connect()
    for number in range(3):
        assert (await client.ask(get(f"/{number}")))[::2] == (200, b"/%d" % number)
    assert len(app.lines) == 1
    assert [fact.status for fact in stand.facts.requests] == [200, 200, 200]


async def test_pipelined_requests_are_answered_in_order(stand: Stand) -> None:
    await stand.open(echoes_target)
    client = await stand.connect()
    client.send(b"".join(get(f"/{number}") for number in range(200)))
    for number in range(200):
        assert (await client.response())[2] == b"/%d" % number


async def test_a_pipelined_request_waits_for_the_slow_one_before_it(stand: Stand) -> None:
    app = await stand.open(lambda line: asyncio.sleep(60))
    client = await stand.connect()
    client.send(get("/slow") + get("/fast"))
    line = await app.line()
    assert b"/slow" in await line.head()
    assert len(stand.flow.asked) == 1
    line.send(OK)
    assert (await client.response())[0] == 200
    assert b"/fast" in await line.head()
    line.send(OK)
    assert (await client.response())[0] == 200


async def test_a_head_may_come_byte_by_byte(stand: Stand) -> None:
    await stand.open(echoes_target)
    client = await stand.connect()
    for byte in get("/slowly"):
        await client.send_all(bytes([byte]))
    assert (await client.response())[2] == b"/slowly"


async def test_reading_ahead_ends_at_its_limit_and_goes_on_after_the_answer(stand: Stand) -> None:
    """A client that pipelines without end is stopped, not stored."""
    app = await stand.open(lambda line: asyncio.sleep(60))
    client = await stand.connect()
    flood = get("/flood", "X-Filler: " + "x" * 1000) * 8000
    client.send(get("/first"))
    line = await app.line()
    await line.head()
    client.send(flood)
    await stand.until(lambda: stand.connection._is_paused)
    assert len(stand.connection._ahead) < 65536 + 256 * 1024
    line.send(OK)
    for _ in range(3):
        assert (await client.response())[0] == 200
        await line.head()
        line.send(OK)


# --- the end of a connection ---


async def test_close_is_the_last_word(stand: Stand) -> None:
    """A request pipelined behind `Connection: close` is not heard (RFC 9112 section 9.6)."""
    app = await stand.open()
    client = await stand.connect()
    client.send(get("/", "Connection: close") + get("/never"))
    status, head, _ = await client.response()
    assert (status, b"connection: close" in head) == (200, True)
    assert await client.rest() == b""
    assert b"/never" not in app.lines[0].seen


async def test_http_1_0_closes_unless_it_asks_otherwise(stand: Stand) -> None:
    await stand.open()
    client = await stand.connect()
    status, head, _ = await client.ask(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    assert (status, b"connection: keep-alive" in head) == (200, True)
    await client.ask(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert await client.rest() == b""


async def test_a_client_that_has_said_all_still_gets_its_answers(stand: Stand) -> None:
    app = await stand.open(lambda line: asyncio.sleep(60))
    client = await stand.connect()
    client.send(get("/1") + get("/2") + b"GET /half")
    client.end()
    line = await app.line()
    for _ in range(2):
        await line.head()
        line.send(OK)
        assert (await client.response())[0] == 200
    assert await client.rest() == b""


async def test_a_client_that_ends_without_a_word_is_let_go(stand: Stand) -> None:
    await stand.open()
    client = await stand.connect()
    client.end()
    assert await client.rest() == b""


async def test_a_client_that_ends_in_a_head_is_let_go(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    client.send(b"GET / HT")
    client.end()
    assert await client.rest() == b""
    assert app.lines == []


# --- refused ---


async def test_a_refused_request_closes_and_the_client_can_read_why(stand: Stand) -> None:
    """An upload is discarded for a while after the answer; a close at once would take the answer with it."""
    app = await stand.open()
    client = await stand.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
    upload = asyncio.ensure_future(client.send_all(b"x" * 8_000_000))
    status, head, body = await client.response()
    assert (status, body) == (400, b"bad_request")
    assert b"connection: close" in head
    assert b"x-crossfade: 1" in head
    await upload
    client.end()
    assert await client.rest() == b""
    assert app.lines == []
    assert [(fact.status, fact.code) for fact in stand.facts.requests] == [(400, "bad_request")]


async def test_a_request_behind_a_refused_one_is_never_heard(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    client.send(b"GET / HTTP/1.1\r\n\r\n" + get("/smuggled"))
    assert (await client.response())[0] == 400
    assert await client.rest() == b""
    assert app.lines == []


@pytest.mark.parametrize("error", [LoginRequired(), Forbidden(), Unavailable()])
async def test_who_is_not_let_in_may_try_again_on_the_same_connection(stand: Stand, error: Exception) -> None:
    await stand.open()

    def decide(head: RequestHead, peer: Peer) -> Permit:
        if head.authorization is None:
            raise error
        return PERMIT

    stand.flow.decide = decide
    client = await stand.connect()
    status, head, _ = await client.ask(get())
    assert status in {401, 403, 503}
    assert b"connection" not in head
    assert (await client.ask(get("/", "Authorization: Bearer x")))[0] == 200


async def test_a_refusal_by_the_flow_closes(stand: Stand) -> None:
    await stand.open()

    def decide(head: RequestHead, peer: Peer) -> Permit:
        raise BadRequest

    stand.flow.decide = decide
    client = await stand.connect()
    assert b"connection: close" in (await client.ask(get()))[1]
    assert await client.rest() == b""


async def test_a_body_that_was_not_read_is_never_taken_for_a_request(stand: Stand) -> None:
    """The answer comes before the body is read; the bytes of the body are discarded with the connection."""
    app = await stand.open()

    def decide(head: RequestHead, peer: Peer) -> Permit:
        raise LoginRequired

    stand.flow.decide = decide
    client = await stand.connect()
    status, head, _ = await client.ask(post(get("/admin")))
    assert (status, b"connection: close" in head) == (401, True)
    assert await client.rest() == b""
    assert (app.lines, len(stand.flow.asked)) == ([], 1)


# --- answers of our own ---


async def test_an_answer_of_the_flow_is_written_and_the_connection_goes_on(stand: Stand) -> None:
    await stand.open()
    stand.flow.decide = lambda head, peer: Answer(204, ((b"x-from", b"flow"),))
    client = await stand.connect()
    for _ in range(2):
        status, head, body = await client.ask(b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (status, body, b"x-from: flow" in head) == (204, b"", True)


async def test_head_gets_the_head_of_a_refusal_only(stand: Stand) -> None:
    await stand.open()

    def decide(head: RequestHead, peer: Peer) -> Permit:
        raise LoginRequired

    stand.flow.decide = decide
    client = await stand.connect()
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"content-length: 14" in await client.head()
    assert await client.rest() == b""


# --- a client that leaves ---


async def test_a_client_that_leaves_while_it_is_decided_ends_the_story_and_reaches_nobody(stand: Stand) -> None:
    app = await stand.open()
    stand.flow.gate = asyncio.get_running_loop().create_future()
    client = await stand.connect()
    client.send(get())
    await stand.until(lambda: stand.flow.asked)
    client.reset()
    await stand.until(lambda: stand.facts.requests)
    stand.flow.gate.set_result(None)
    await asyncio.sleep(0)
    assert (stand.facts.requests[0].status, stand.facts.requests[0].code) == (499, "client_closed")
    assert app.lines == []


async def test_a_client_that_leaves_while_the_application_thinks_ends_its_connection(stand: Stand) -> None:
    app = await stand.open(lambda line: asyncio.sleep(60))
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    client.reset()
    await line.gone()
    await stand.until(lambda: stand.pool.open_count == 0)


async def test_a_client_that_leaves_in_a_download_ends_it_at_the_application(stand: Stand) -> None:
    """H4: nobody downloads for a client that has left."""
    app = await stand.open(lambda line: asyncio.sleep(60))
    client = await stand.connect()
    client.send(get())
    line = await app.line()
    await line.head()
    line.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 100_000)
    await client.head()
    client.reset()
    with pytest.raises(ConnectionError):
        await line.send_all(b"x" * 100_000_000)
    await stand.until(lambda: stand.facts.requests)
    assert (stand.facts.requests[0].status, stand.facts.requests[0].code) == (200, "client_closed")


# --- what is noticed ---


async def test_identity_headers_and_strangers_transport_headers_are_counted(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get("/", "X_Auth_Subject: admin", "X-Forwarded-For: 1.2.3.4"))
    assert stand.facts.events == [Event.IDENTITY_HEADER_STRIPPED, Event.UNTRUSTED_FORWARDED]
    seen = app.lines[0].seen.lower()
    assert b"admin" not in seen
    assert b"1.2.3.4" not in seen
    assert b"x-forwarded-for: 127.0.0.1\r\n" in seen


async def test_a_trusted_peer_is_believed(stand: Stand) -> None:
    stand.proxies = TrustedProxies(["127.0.0.0/8"])
    app = await stand.open()
    client = await stand.connect()
    await client.ask(get("/", "X-Forwarded-For: 1.2.3.4"))
    assert stand.facts.events == []
    assert b"x-forwarded-for: 1.2.3.4, 127.0.0.1\r\n" in app.lines[0].seen


async def test_each_request_has_an_id_of_its_own_or_the_one_it_came_with(stand: Stand) -> None:
    app = await stand.open()
    client = await stand.connect()
    for request in (get(), get(), get("/", "X-Request-ID: mine")):
        await client.ask(request)
    ids = [line for line in app.lines[0].seen.split(b"\r\n") if line.lower().startswith(b"x-request-id")]
    assert ids == [b"x-request-id: test-1", b"x-request-id: test-2", b"x-request-id: mine"]


# --- faults of ours ---


async def test_a_bug_in_the_flow_ends_that_request_alone(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    await stand.open()

    def decide(head: RequestHead, peer: Peer) -> Permit:
        if head.target == b"/bug":
            raise KeyError
        return PERMIT

    stand.flow.decide = decide
    client, other = await stand.connect(), await stand.connect()
    assert (await client.ask(get("/bug")))[::2] == (500, b"internal_error")
    assert (await other.ask(get()))[0] == 200
    assert (await client.ask(get()))[0] == 200
    assert "unexpected error" in caplog.text


async def test_a_permit_for_an_unknown_application_is_our_fault(stand: Stand) -> None:
    await stand.open()
    stand.flow.decide = lambda head, peer: Permit("elsewhere", "/*")
    client = await stand.connect()
    assert (await client.ask(get()))[0] == 500


async def test_what_others_gave_up_ends_the_request_that_waits_for_it_alone(stand: Stand) -> None:
    """The flight that a request joins may have been cancelled, at the end of a process or by whoever began it."""
    await stand.open()
    client = await stand.connect()
    stand.flow.gate = asyncio.get_running_loop().create_future()
    stand.flow.gate.cancel()
    assert (await client.ask(get()))[::2] == (500, b"internal_error")
    stand.flow.gate = None
    assert (await client.ask(get()))[0] == 200


async def test_a_bug_while_a_head_is_read_answers_and_closes(
    stand: Stand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.open(answers_ok)
    client = await stand.connect()

    def breaks(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr("gateway.wire.client.Exchange", breaks)
    assert (await client.ask(get()))[0] == 500
    assert await client.rest() == b""
