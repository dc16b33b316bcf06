"""Drives a coroutine by hand, as the wire does: no task, so no time-out and no current task inside."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def step_by_hand(story: Coroutine[Any, Any, Result]) -> "asyncio.Future[Result]":
    """Run the story up to its first wait now, and further whenever what it waits for is there."""
    done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def step(_: object = None) -> None:
        try:
            waits = story.send(None)
        except StopIteration as end:
            done.set_result(end.value)
        except Exception as error:
            done.set_exception(error)
        else:
            assert asyncio.isfuture(waits), "a story awaits futures only"
            waits._asyncio_future_blocking = False
            waits.add_done_callback(step)

    # A callback of the loop, so that there is no current task while the story runs.
    asyncio.get_running_loop().call_soon(step)
    return done
