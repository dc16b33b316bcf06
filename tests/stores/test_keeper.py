"""The background task of a store goes on through failures and ends when it is told to."""

import asyncio

from gateway.stores.keeper import Keeper
from tests.servers import eventually


async def test_the_first_round_is_over_when_the_start_returns() -> None:
    rounds: list[int] = []

    async def work() -> float:
        rounds.append(len(rounds))
        return 60.0

    keeper = Keeper(work)
    await keeper.start()
    assert rounds == [0]
    keeper.wake()
    await eventually(lambda: len(rounds) == 2)
    await keeper.close()
    keeper.wake()
    await asyncio.sleep(0)
    assert len(rounds) == 2


async def test_a_keeper_that_was_never_started_can_be_closed() -> None:
    async def work() -> float:
        return 1.0

    await Keeper(work).close()


async def test_a_round_that_loses_its_cancellation_is_the_last_one() -> None:
    rounds: list[str] = []
    is_working = asyncio.Event()

    async def work() -> float:
        if rounds:
            is_working.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                rounds.append("cancelled")
        else:
            rounds.append("first")
        return 0.0

    keeper = Keeper(work)
    await keeper.start()
    await asyncio.wait_for(is_working.wait(), 5)
    await keeper.close()
    assert rounds == ["first", "cancelled"]
