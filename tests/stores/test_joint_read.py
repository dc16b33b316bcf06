"""Many who ask the same share a read, and nobody gets what was read before it asked."""

import asyncio

import pytest

from gateway.errors import StoreUnavailable
from gateway.stores.joint_read import JointRead


class Source:
    """Reads that a test lets end; `value` is what a read finds when it begins."""

    def __init__(self) -> None:
        self.value = 0
        self.reads: list[tuple[int, asyncio.Future[int]]] = []

    def read(self) -> "asyncio.Future[int]":
        reading: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.reads.append((self.value, reading))
        return reading

    async def finish(self, number: int, error: Exception | None = None) -> None:
        value, reading = self.reads[number]
        if error is None:
            reading.set_result(value)
        else:
            reading.set_exception(error)
        await asyncio.sleep(0)


async def test_who_asks_while_a_read_is_under_way_gets_the_next_one() -> None:
    source = Source()
    joint = JointRead(source.read)
    early = joint.ask()
    source.value = 1  # too late for the read that has begun
    late = [joint.ask() for _ in range(5)]
    assert len(source.reads) == 1
    await source.finish(0)
    assert early.result() == 0
    assert not any(answer.done() for answer in late)
    await source.finish(1)
    assert [answer.result() for answer in late] == [1] * 5
    assert len(source.reads) == 2


async def test_a_failure_belongs_to_its_own_read() -> None:
    source = Source()
    joint = JointRead(source.read)
    first, second = joint.ask(), joint.ask()
    await source.finish(0, StoreUnavailable())
    assert isinstance(first.exception(), StoreUnavailable)
    await source.finish(1)
    assert second.result() == 0


async def test_who_has_left_takes_nothing_from_the_others() -> None:
    source = Source()
    joint = JointRead(source.read)
    first, gone, patient = joint.ask(), joint.ask(), joint.ask()
    gone.cancel()
    await source.finish(0)
    await source.finish(1)
    assert (first.result(), patient.result()) == (0, 0)


async def test_a_read_that_cannot_begin_fails_those_who_asked_and_nobody_later() -> None:
    source = Source()
    is_closed = True

    def read() -> "asyncio.Future[int]":
        if is_closed:
            raise StoreUnavailable
        return source.read()

    joint = JointRead(read)
    with pytest.raises(StoreUnavailable):
        await joint.ask()
    is_closed = False
    answer = joint.ask()
    await source.finish(0)
    assert answer.result() == 0


async def test_a_read_that_is_cancelled_leaves_nobody_waiting() -> None:
    source = Source()
    joint = JointRead(source.read)
    first, second = joint.ask(), joint.ask()
    source.reads[0][1].cancel()
    await asyncio.sleep(0)
    assert first.cancelled()
    await source.finish(1)
    assert second.result() == 0
