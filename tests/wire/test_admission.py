"""A request whose decision lacks one answer goes on when it is there, whatever it is, and whoever has left."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.errors import LoginRequired, RevocationUnavailable
from gateway.model import CLEAR, Standing
from tests.wire.stand import PERMIT, Decision, Inquiry, Line, Stand, get

Settle = Callable[[Standing | None], None]


def by(standing: Standing | None) -> Decision:
    if standing is None:
        raise RevocationUnavailable
    if standing is not CLEAR:
        raise LoginRequired
    return PERMIT


def story_by(_: Standing | None) -> Coroutine[Any, Any, Decision]:
    async def story() -> Decision:
        return PERMIT

    return story()


def bug(_: Standing | None) -> Decision:
    raise ZeroDivisionError


async def asked(stand: Stand, inquiry: Inquiry) -> tuple[Line, Settle]:
    """Send a request that is not decided; returns its line and what to answer."""
    stand.flow.inquiry = inquiry
    line = await stand.connect()
    line.send(get())
    await stand.until(lambda: inquiry.settle is not None)
    assert inquiry.settle is not None
    return line, inquiry.settle


@pytest.mark.parametrize(("standing", "status"), [(CLEAR, 200), (Standing(token_revoked=True), 401), (None, 503)])
async def test_the_answer_decides(stand: Stand, standing: Standing | None, status: int) -> None:
    app = await stand.open()
    line, settle = await asked(stand, Inquiry(by, asks=True))
    assert not app.lines
    settle(standing)
    assert (await line.response())[0] == status
    assert len(app.lines) == (status == 200)


@pytest.mark.parametrize("asks", [True, False])
async def test_a_story_follows_where_more_has_to_be_asked_or_nobody_was(stand: Stand, asks: bool) -> None:
    await stand.open()
    line, settle = await asked(stand, Inquiry(story_by, asks=asks))
    if asks:
        settle(CLEAR)
    assert (await line.response())[0] == 200


async def test_a_bug_in_the_decision_ends_this_request_alone_and_is_reported(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    await stand.open()
    line, settle = await asked(stand, Inquiry(bug, asks=True))
    settle(CLEAR)
    assert (await line.response())[0] == 500
    assert "ZeroDivisionError" in caplog.text


async def test_what_others_gave_up_ends_this_request_alone(stand: Stand) -> None:
    """Who else waits for the same reply still hears of it."""
    given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    given_up.cancel()

    async def story() -> Decision:
        await given_up
        return PERMIT

    await stand.open()
    line, settle = await asked(stand, Inquiry(lambda standing: story(), asks=True))
    settle(CLEAR)
    assert (await line.response())[0] == 500


async def test_a_request_that_cannot_even_be_refused_ends_alone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await stand.open()
    line, settle = await asked(stand, Inquiry(by, asks=True))
    monkeypatch.setattr(stand.flow, "refuse", None)
    settle(None)
    assert await line.is_reset()
    assert "unexpected error" in caplog.text


async def test_the_answer_to_a_client_that_has_left_reaches_nobody(stand: Stand) -> None:
    app = await stand.open()
    line, settle = await asked(stand, Inquiry(by, asks=True))
    line.reset()
    await stand.until(lambda: bool(stand.facts.requests))
    settle(CLEAR)
    settle(None)
    assert [(fact.status, fact.code) for fact in stand.facts.requests] == [(499, "client_closed")]
    assert not app.lines


async def test_a_pipelined_request_waits_for_the_answer_about_the_one_before(stand: Stand) -> None:
    await stand.open()
    line, settle = await asked(stand, Inquiry(by, asks=True))
    line.send(get())
    stand.flow.inquiry = None
    settle(CLEAR)
    assert [(await line.response())[0] for _ in range(2)] == [200, 200]
