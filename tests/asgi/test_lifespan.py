"""The gateway starts before the application and ends after it, on every kind of server and application."""

import asyncio

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.asgi.gateway import Life
from gateway.asgi.middleware import Middleware
from gateway.asgi.proxy import Proxy
from gateway.errors import ConfigurationError
from tests.asgi.stub import Server, StubGateway, answering, scope_of, visit

STARTUP: Message = {"type": "lifespan.startup"}
SHUTDOWN: Message = {"type": "lifespan.shutdown"}
LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}


def types(server: Server) -> list[str]:
    return [message["type"] for message in server.sent]


class Wanting:
    """An application that wants to hear of the server's life."""

    def __init__(self, gateway: StubGateway, *, fails: bool = False) -> None:
        self._gateway = gateway
        self._fails = fails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        self._gateway.life.append("application started")
        if self._fails:
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        self._gateway.life.append("application stopped")
        await send({"type": "lifespan.shutdown.complete"})


async def test_the_gateway_starts_before_the_application_and_ends_after_it() -> None:
    gateway = StubGateway()
    server = await visit(Middleware(Wanting(gateway), gateway.build), LIFESPAN, STARTUP, SHUTDOWN)
    assert gateway.life == ["built", "started", "application started", "application stopped", "closed"]
    assert types(server) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def raising(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")


@pytest.mark.parametrize("app", [raising, answering(b"a page for everything")])
async def test_an_application_that_does_not_know_lifespan_is_not_asked_to(app: ASGIApp) -> None:
    gateway = StubGateway()
    server = await visit(Middleware(app, gateway.build), LIFESPAN, STARTUP, SHUTDOWN)
    assert gateway.life == ["built", "started", "closed"]
    assert types(server) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_proxy_has_no_application_to_tell() -> None:
    gateway = StubGateway()
    server = await visit(Proxy(gateway.build), LIFESPAN, STARTUP, SHUTDOWN)
    assert gateway.life == ["built", "started", "closed"]
    assert types(server) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_an_application_that_cannot_start_takes_the_gateway_down_with_it() -> None:
    gateway = StubGateway()
    server = await visit(Middleware(Wanting(gateway, fails=True), gateway.build), LIFESPAN, STARTUP)
    assert types(server) == ["lifespan.startup.failed"]
    assert gateway.life[-1] == "closed"


async def test_an_application_that_breaks_while_it_lives_is_not_covered_up() -> None:
    async def breaking(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise LookupError

    gateway = StubGateway()
    with pytest.raises(LookupError):
        await visit(Middleware(breaking, gateway.build), LIFESPAN, STARTUP)
    assert gateway.life[-1] == "closed"


async def test_a_gateway_that_cannot_start_says_why_and_stops_the_server() -> None:
    gateway = StubGateway()
    gateway.start_error = ConfigurationError("gateway.yaml:3:1: unknown key")
    server = await visit(Middleware(Wanting(gateway), gateway.build), LIFESPAN, STARTUP)
    assert server.sent == [{"type": "lifespan.startup.failed", "message": "gateway.yaml:3:1: unknown key"}]
    assert gateway.life == ["built", "closed"]


async def test_a_bug_at_the_start_stops_the_server_too() -> None:
    async def broken() -> StubGateway:
        raise LookupError("secret")

    server = await visit(Proxy(broken), LIFESPAN, STARTUP)
    (message,) = server.sent
    assert message["type"] == "lifespan.startup.failed"
    assert "secret" not in message["message"]


async def test_why_it_could_not_start_is_told_even_when_it_cannot_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck() -> None:
        raise LookupError

    gateway = StubGateway()
    gateway.start_error = ConfigurationError("gateway.yaml:3:1: unknown key")
    monkeypatch.setattr(gateway, "aclose", stuck)
    server = await visit(Proxy(gateway.build), LIFESPAN, STARTUP)
    assert server.sent == [{"type": "lifespan.startup.failed", "message": "gateway.yaml:3:1: unknown key"}]


async def test_a_stop_during_the_start_waits_until_what_was_opened_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.Event().wait()

    gateway = StubGateway()
    monkeypatch.setattr(gateway, "start", slow)
    life = Life(gateway.build)
    starting = asyncio.ensure_future(life.start())
    await begun.wait()
    await life.stop()
    assert gateway.life == ["built", "closed"]
    with pytest.raises(asyncio.CancelledError):
        await starting


async def test_without_lifespan_the_first_request_starts_it_once() -> None:
    gateway = StubGateway()
    app = Middleware(answering(b"ok"), gateway.build)
    answers = await asyncio.gather(*(visit(app, scope_of()) for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    assert gateway.life == ["built", "started"]


async def test_a_start_that_failed_is_tried_again_with_the_next_request() -> None:
    gateway = StubGateway()
    gateway.start_error = ConfigurationError("not yet")
    app = Middleware(answering(b"ok"), gateway.build)
    with pytest.raises(ConfigurationError):
        await visit(app, scope_of())
    gateway.start_error = None
    assert (await visit(app, scope_of())).status == 200


async def test_a_client_that_leaves_does_not_stop_the_start_for_the_others() -> None:
    gateway = StubGateway()
    life = Life(gateway.build)
    first = asyncio.ensure_future(life.start())
    await asyncio.sleep(0)
    first.cancel()
    assert await life.start() is gateway
    assert gateway.life == ["built", "started"]
    await life.stop()


async def test_it_ticks_while_it_lives_and_a_tick_that_fails_is_not_the_last() -> None:
    gateway = StubGateway()
    life = Life(gateway.build, tick=0.001)
    await life.start()
    for _ in range(3):
        gateway.ticked.clear()
        await asyncio.wait_for(gateway.ticked.wait(), 5)
    ticks = life._ticks
    assert ticks is not None
    await life.stop()
    await asyncio.wait([ticks])
    assert ticks.cancelled()


async def test_stopping_what_never_started_or_failed_is_harmless() -> None:
    gateway = StubGateway()
    life = Life(gateway.build)
    await life.stop()
    gateway.start_error = ConfigurationError("no")
    with pytest.raises(ConfigurationError):
        await life.start()
    await life.stop()
    assert gateway.life == ["built", "closed"]


async def test_a_tick_that_a_store_holds_up_holds_up_no_glance_and_no_stop() -> None:
    gateway = StubGateway()
    gateway.is_stuck = True
    life = Life(gateway.build, tick=0.001)
    await life.start()
    await asyncio.wait_for(gateway.ticked.wait(), 5)
    for _ in range(2):
        gateway.glanced.clear()
        await asyncio.wait_for(gateway.glanced.wait(), 5)
    ticks = life._ticks
    assert ticks is not None
    await life.stop()
    await asyncio.wait([ticks], timeout=5)
    assert ticks.cancelled()
