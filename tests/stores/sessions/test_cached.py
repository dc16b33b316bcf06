"""Users are remembered for a moment, nobody else is; all who ask about one session share one flight."""

import asyncio

import pytest

from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions import Tell
from gateway.stores.sessions_cached import CachedSessions
from tests.stores.sessions.stepping import step_by_hand

NOW = 1000.0
ADA = LegacySession("main", "key-1", "ada")
SHOWN = SessionCookie("main", ((b"sessionid", b"1"),))
OTHER = SessionCookie("main", ((b"sessionid", b"2"),))


class Sessions:
    """A store whose answers the test gives, one flight at a time."""

    def __init__(self) -> None:
        self.flights: list[asyncio.Future[Verdict]] = []
        self.asked: list[bool] = []
        self.forgotten: list[LegacySession] = []
        self.located = True
        self.took_off = asyncio.Event()
        self.is_closed = False

    def locate(self, shown: SessionCookie) -> str:
        return repr(shown.cookies) if self.located else ""

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        self.asked.append(fresh)
        self.flights.append(asyncio.get_running_loop().create_future())
        self.took_off.set()
        return await self.flights[-1]

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        tell("A step.")
        return ADA

    async def close(self) -> None:
        self.is_closed = True

    def forget(self, session: LegacySession) -> None:
        self.forgotten.append(session)

    async def taken_off(self, count: int) -> None:
        while len(self.flights) < count:
            self.took_off.clear()
            await self.took_off.wait()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def cached(sessions: Sessions) -> CachedSessions:
    return CachedSessions(sessions, ttl=5)


async def ask(
    cached: CachedSessions, sessions: Sessions, answer: Verdict, *, now: float = NOW, fresh: bool = False
) -> Verdict:
    """Resolve SHOWN where that needs a flight, and let it land with `answer`."""
    waiter = asyncio.ensure_future(cached.resolve(SHOWN, now, fresh=fresh))
    await sessions.taken_off(len(sessions.flights) + 1)
    sessions.flights[-1].set_result(answer)
    return await waiter


async def test_a_user_is_remembered_for_the_ttl(cached: CachedSessions, sessions: Sessions) -> None:
    assert await ask(cached, sessions, ADA) == ADA
    assert await cached.resolve(SHOWN, NOW + 4.9) == ADA
    assert len(sessions.flights) == 1
    await ask(cached, sessions, ADA, now=NOW + 5)
    assert len(sessions.flights) == 2


async def test_a_remembered_user_costs_no_wait(cached: CachedSessions, sessions: Sessions) -> None:
    await ask(cached, sessions, ADA)
    with pytest.raises(StopIteration):
        cached.resolve(SHOWN, NOW).send(None)


async def test_never_beyond_the_end_of_the_session(cached: CachedSessions, sessions: Sessions) -> None:
    ends = LegacySession("main", "key-1", "ada", expires_at=NOW + 2)
    await ask(cached, sessions, ends)
    assert await cached.resolve(SHOWN, NOW + 1.9) == ends
    assert await ask(cached, sessions, Anonymous("expired"), now=NOW + 2) == Anonymous("expired")


@pytest.mark.parametrize("verdict", [Anonymous("gone"), Anonymous("bad_signature"), Undetermined("unreachable")])
async def test_nothing_negative_is_remembered(cached: CachedSessions, sessions: Sessions, verdict: Verdict) -> None:
    assert await ask(cached, sessions, verdict) == verdict
    assert await ask(cached, sessions, ADA) == ADA


async def test_a_clock_that_goes_back_remembers_nothing(cached: CachedSessions, sessions: Sessions) -> None:
    await ask(cached, sessions, ADA)
    assert await ask(cached, sessions, Anonymous("gone"), now=NOW - 60) == Anonymous("gone")


async def test_all_who_ask_at_once_share_one_flight(cached: CachedSessions, sessions: Sessions) -> None:
    """CVE-2026-71326: all who show the same, and nobody who shows something else."""
    waiters = [asyncio.ensure_future(cached.resolve(SHOWN, NOW)) for _ in range(10)]
    other = asyncio.ensure_future(cached.resolve(OTHER, NOW))
    await sessions.taken_off(2)
    sessions.flights[0].set_result(ADA)
    sessions.flights[1].set_result(Anonymous("gone"))
    assert await asyncio.gather(*waiters) == [ADA] * 10
    assert await other == Anonymous("gone")
    assert len(sessions.flights) == 2


async def test_one_who_leaves_does_not_end_the_flight_of_others(cached: CachedSessions, sessions: Sessions) -> None:
    leaver, stayer = (asyncio.ensure_future(cached.resolve(SHOWN, NOW)) for _ in range(2))
    await sessions.taken_off(1)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    sessions.flights[0].set_result(ADA)
    assert await stayer == ADA


async def test_the_flight_lands_even_when_all_have_left(cached: CachedSessions, sessions: Sessions) -> None:
    story = cached.resolve(SHOWN, NOW)
    story.send(None)
    await sessions.taken_off(1)
    story.close()
    sessions.flights[0].set_result(ADA)
    await asyncio.gather(*cached._tasks)
    assert await cached.resolve(SHOWN, NOW) == ADA
    assert len(sessions.flights) == 1


async def test_a_story_that_is_stepped_by_hand_may_await_it(cached: CachedSessions, sessions: Sessions) -> None:
    waiters = [step_by_hand(cached.resolve(SHOWN, NOW)) for _ in range(3)]
    await sessions.taken_off(1)
    sessions.flights[0].set_result(ADA)
    assert await asyncio.gather(*waiters) == [ADA] * 3


async def test_fresh_asks_anew_and_joins_nobody(cached: CachedSessions, sessions: Sessions) -> None:
    await ask(cached, sessions, ADA)
    assert await ask(cached, sessions, Anonymous("gone"), fresh=True) == Anonymous("gone")
    assert sessions.asked == [False, True]
    assert await ask(cached, sessions, Anonymous("gone")) == Anonymous("gone"), "what was remembered is dropped"

    early = asyncio.ensure_future(cached.resolve(SHOWN, NOW, fresh=True))
    await sessions.taken_off(4)
    late = asyncio.ensure_future(cached.resolve(SHOWN, NOW, fresh=True))
    await sessions.taken_off(5)
    sessions.flights[4].set_result(Anonymous("gone"))
    assert await late == Anonymous("gone")
    sessions.flights[3].set_result(ADA)
    assert await early == ADA
    assert await ask(cached, sessions, Anonymous("gone")) == Anonymous("gone"), "the older flight is not remembered"


async def test_a_fresh_user_is_remembered_for_the_others(cached: CachedSessions, sessions: Sessions) -> None:
    await ask(cached, sessions, ADA, fresh=True)
    assert await cached.resolve(SHOWN, NOW) == ADA
    assert len(sessions.flights) == 1


async def test_a_forgotten_session_is_asked_for_again(cached: CachedSessions, sessions: Sessions) -> None:
    await ask(cached, sessions, ADA)
    cached.forget(LegacySession("main", ADA.key, "ada"))
    assert await ask(cached, sessions, Anonymous("gone")) == Anonymous("gone")
    assert sessions.forgotten == [ADA]


async def test_forgetting_one_keeps_the_others(cached: CachedSessions, sessions: Sessions) -> None:
    await ask(cached, sessions, ADA)
    cached.forget(LegacySession("main", "key-2", "bob"))
    assert await cached.resolve(SHOWN, NOW) == ADA


async def test_what_took_off_before_it_was_forgotten_is_neither_joined_nor_remembered(
    cached: CachedSessions, sessions: Sessions
) -> None:
    before = asyncio.ensure_future(cached.resolve(SHOWN, NOW))
    await sessions.taken_off(1)
    cached.forget(ADA)
    after = asyncio.ensure_future(cached.resolve(SHOWN, NOW))
    await sessions.taken_off(2)
    sessions.flights[0].set_result(ADA)
    sessions.flights[1].set_result(Anonymous("gone"))
    assert (await before, await after) == (ADA, Anonymous("gone"))

    lonely = asyncio.ensure_future(cached.resolve(SHOWN, NOW))
    await sessions.taken_off(3)
    cached.forget(ADA)
    sessions.flights[2].set_result(ADA)
    await lonely
    assert await ask(cached, sessions, Anonymous("gone")) == Anonymous("gone")


async def test_a_flight_that_takes_too_long_is_a_time_out(sessions: Sessions) -> None:
    cached = CachedSessions(sessions, timeout=0.001)
    assert await cached.resolve(SHOWN, NOW) == Undetermined("timeout")
    assert sessions.flights[0].cancelled()


async def test_flights_are_bounded(sessions: Sessions) -> None:
    cached = CachedSessions(sessions, flights=1)
    waiter = asyncio.ensure_future(cached.resolve(SHOWN, NOW))
    await sessions.taken_off(1)
    assert await cached.resolve(OTHER, NOW) == Undetermined("timeout")
    sessions.flights[0].set_result(ADA)
    assert await waiter == ADA


async def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(sessions: Sessions) -> None:
    cached = CachedSessions(sessions, entries=2)
    for number in range(3):
        shown = SessionCookie("main", ((b"sessionid", b"%d" % number),))
        waiter = asyncio.ensure_future(cached.resolve(shown, NOW))
        await sessions.taken_off(number + 1)
        sessions.flights[number].set_result(LegacySession("main", str(number), "ada"))
        await waiter
    assert [entry.session.key for entry in cached._entries.values()] == ["1", "2"]


async def test_where_nothing_is_fetched_nothing_is_shared(cached: CachedSessions, sessions: Sessions) -> None:
    sessions.located = False
    assert await ask(cached, sessions, ADA) == ADA
    assert await ask(cached, sessions, Anonymous("no_user"), fresh=True) == Anonymous("no_user")
    assert sessions.asked == [False, True]


async def test_an_explanation_is_never_remembered(cached: CachedSessions, sessions: Sessions) -> None:
    steps: list[str] = []
    assert await cached.explain(SHOWN, NOW, steps.append) == ADA
    assert steps == ["A step."]
    assert await ask(cached, sessions, Anonymous("gone")) == Anonymous("gone")


async def test_close_closes_what_is_behind(cached: CachedSessions, sessions: Sessions) -> None:
    await cached.close()
    assert sessions.is_closed
