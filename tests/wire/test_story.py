"""Stories stepped by hand: no loop where none is needed, and nothing of others is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from gateway.errors import GatewayError, InternalError, LoginRequired
from gateway.wire.story import Story


class Heard(Story[int]):
    """Remembers how it ended."""

    __slots__ = ("outcome",)

    def __init__(self, coroutine: Coroutine[Any, Any, int]) -> None:
        self.outcome: int | GatewayError | None = None
        super().__init__(coroutine, coroutine.send(None))

    def succeeded(self, result: int) -> None:
        if result < 0:
            raise LoginRequired
        self.outcome = 1 // result

    def failed(self, error: GatewayError) -> None:
        self.outcome = error


async def returns(number: int) -> int:
    await asyncio.sleep(0)
    return number


async def waits_for(future: "asyncio.Future[int]") -> int:
    return await future


async def a_turn() -> None:
    await asyncio.sleep(0)


async def test_a_story_goes_on_when_what_it_waits_for_is_there() -> None:
    future = asyncio.get_running_loop().create_future()
    story = Heard(waits_for(future))
    assert story.outcome is None
    future.set_result(1)
    await asyncio.sleep(0)
    assert story.outcome == 1


async def test_a_story_may_wait_for_a_turn_of_the_loop() -> None:
    story = Heard(returns(1))
    await a_turn()
    assert story.outcome == 1


async def test_a_story_may_wait_several_times() -> None:
    async def waits_twice() -> int:
        await asyncio.sleep(0)
        return await returns(1)

    story = Heard(waits_twice())
    await a_turn()
    assert story.outcome is None
    await a_turn()
    assert story.outcome == 1


async def test_many_stories_wait_for_one_flight_and_one_that_leaves_does_not_end_it() -> None:
    async def flight() -> int:
        await asyncio.sleep(0)
        return 1

    task = asyncio.create_task(flight())
    first, second = Heard(waits_for(task)), Heard(waits_for(task))
    first.cancel()
    assert await task == 1
    await asyncio.sleep(0)
    assert (first.outcome, second.outcome) == (None, 1)


async def test_a_story_that_leaves_is_closed_where_it_waits() -> None:
    closed = []

    async def tidy(future: "asyncio.Future[int]") -> int:
        try:
            return await future
        finally:
            closed.append(True)

    story = Heard(tidy(asyncio.get_running_loop().create_future()))
    story.cancel()
    story.cancel()
    assert closed == [True]


async def test_a_story_that_left_does_not_go_on_after_a_turn_of_the_loop() -> None:
    story = Heard(returns(1))
    story.cancel()
    await a_turn()
    assert story.outcome is None


async def test_an_error_of_ours_is_told_as_it_is() -> None:
    async def refuses() -> int:
        await asyncio.sleep(0)
        raise LoginRequired

    stories = Heard(refuses()), Heard(returns(-1))
    await a_turn()
    assert all(isinstance(story.outcome, LoginRequired) for story in stories)


async def test_a_bug_is_reported_and_becomes_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks() -> int:
        await asyncio.sleep(0)
        raise KeyError

    stories = Heard(breaks()), Heard(returns(0))
    await a_turn()
    assert all(isinstance(story.outcome, InternalError) for story in stories)
    assert caplog.text.count("unexpected error") == 2


async def test_a_flight_that_was_cancelled_is_an_internal_error() -> None:
    future = asyncio.get_running_loop().create_future()
    story = Heard(waits_for(future))
    future.cancel()
    await asyncio.sleep(0)
    assert isinstance(story.outcome, InternalError)
