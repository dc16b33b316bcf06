"""One flight for all who want the same tokens."""

import asyncio
from typing import cast

import pytest

from gateway.errors import Overloaded, StoreUnavailable
from gateway.flow.grants import Grant
from gateway.wiring.flights import GrantFlights

GRANT = cast("Grant", object())
LONG = 30.0


class Asked:
    """Counts how often it is asked, and answers when it is told to."""

    def __init__(self) -> None:
        self.times = 0
        self.may_land = asyncio.Event()

    async def __call__(self) -> Grant:
        self.times += 1
        await self.may_land.wait()
        return GRANT


async def test_all_who_ask_at_once_share_one_flight() -> None:
    flights, asked = GrantFlights(), Asked()
    waiting = asyncio.gather(*(flights.join("a", asked, wait=LONG) for _ in range(5)))
    asyncio.get_running_loop().call_soon(asked.may_land.set)
    assert await waiting == [GRANT] * 5
    assert asked.times == 1
    await flights.join("a", asked, wait=LONG)
    assert asked.times == 2


async def test_what_was_brought_is_kept_for_those_who_come_a_little_later() -> None:
    flights, asked = GrantFlights(kept=LONG), Asked()
    asked.may_land.set()
    for _ in range(3):
        assert await flights.join("a", asked, wait=LONG) is GRANT
    assert asked.times == 1
    await flights.join("b", asked, wait=LONG)
    assert asked.times == 2


async def test_a_flight_goes_on_when_those_who_wait_have_left() -> None:
    flights, asked = GrantFlights(), Asked()
    with pytest.raises(StoreUnavailable):
        await flights.join("a", asked, wait=0.0)
    leaving = asyncio.ensure_future(flights.join("a", asked, wait=LONG))
    await asyncio.sleep(0)
    leaving.cancel()
    staying = asyncio.ensure_future(flights.join("a", asked, wait=LONG))
    await asyncio.sleep(0)
    asked.may_land.set()
    assert await staying is GRANT
    assert asked.times == 1


async def test_a_flight_that_failed_is_not_kept() -> None:
    flights, times = GrantFlights(kept=LONG), 0

    async def fails() -> Grant:
        nonlocal times
        times += 1
        raise StoreUnavailable

    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await flights.join("a", fails, wait=LONG)
    assert times == 2


async def test_no_more_than_so_many_are_under_way() -> None:
    flights, asked = GrantFlights(most=1), Asked()
    with pytest.raises(StoreUnavailable):
        await flights.join("a", asked, wait=0.0)
    with pytest.raises(Overloaded):
        await flights.join("b", asked, wait=LONG)
