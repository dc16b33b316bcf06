"""What cannot be read here is asked of the application; what was read stands. And users in another place."""

from dataclasses import dataclass, field

import pytest

from gateway.codec import Entry, Lookup, Query, Row
from gateway.model import Anonymous, LegacySession, SessionCookie, Undetermined, Verdict
from gateway.stores.sessions import Tell
from gateway.stores.sessions_fallback import FallbackSessions
from gateway.stores.sessions_split import SplitPlace

SHOWN = SessionCookie("main", ((b"sid", b"x"),))
USER = LegacySession("main", "key", "7")


@dataclass
class Says:
    """Sessions that resolve to one verdict, and remember what was done with them."""

    verdict: Verdict
    name: str = "name"
    done: list[str] = field(default_factory=list)

    def locate(self, shown: SessionCookie) -> str:
        return self.name

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        self.done.append(f"resolve {fresh}")
        return self.verdict

    async def explain(self, shown: SessionCookie, now: float, tell: Tell) -> Verdict:
        tell(f"asked {self.name}")
        return self.verdict

    def forget(self, session: LegacySession) -> None:
        self.done.append("forget")

    async def close(self) -> None:
        self.done.append("close")


@pytest.mark.parametrize("reason", ["unreadable", "unreachable", "timeout", "stale_codec"])
async def test_who_cannot_say_is_followed_by_who_can(reason: str) -> None:
    second = Says(USER, "cookies")
    sessions = FallbackSessions(Says(Undetermined(reason), "id"), second)
    assert await sessions.resolve(SHOWN, 0, fresh=True) == LegacySession("main", "id", "7"), "known by its id"
    assert second.done == ["resolve True"]


@pytest.mark.parametrize("verdict", [USER, Anonymous("gone"), Anonymous("bad_signature")])
async def test_what_was_read_stands(verdict: Verdict) -> None:
    second = Says(Undetermined("timeout"))
    assert await FallbackSessions(Says(verdict), second).resolve(SHOWN, 0) == verdict
    assert second.done == []


async def test_both_cannot_say() -> None:
    sessions = FallbackSessions(Says(Undetermined("unreadable")), Says(Undetermined("timeout")))
    assert await sessions.resolve(SHOWN, 0) == Undetermined("timeout")


async def test_a_session_without_an_id_is_known_as_the_application_knows_it() -> None:
    sessions = FallbackSessions(Says(Undetermined("unreadable"), ""), Says(USER, "cookies"))
    assert sessions.locate(SHOWN) == "cookies"
    assert await sessions.resolve(SHOWN, 0) == USER


async def test_each_step_is_told_and_both_are_closed() -> None:
    first, second = Says(Undetermined("unreadable"), "first"), Says(USER, "second")
    told: list[str] = []
    sessions = FallbackSessions(first, second)
    assert await sessions.explain(SHOWN, 0, told.append) == LegacySession("main", "first", "7")
    assert told == ["asked first", "asked second"]
    sessions.forget(USER)
    await sessions.close()
    assert first.done == second.done == ["forget", "close"]


@dataclass
class Holds:
    name: str
    is_closed: bool = False

    async def fetch(self, query: Query) -> Row | None:
        return (self.name,)

    async def aclose(self) -> None:
        self.is_closed = True


async def test_users_lie_in_a_place_of_their_own() -> None:
    records, users = Holds("records"), Holds("users")
    place = SplitPlace(records, users, frozenset({"users"}))
    assert await place.fetch(Entry("sess:", "x")) == ("records",)
    assert await place.fetch(Lookup("sessions", "id", "x", ())) == ("records",)
    assert await place.fetch(Lookup("users", "id", "x", ())) == ("users",)
    await place.aclose()
    assert records.is_closed
    assert users.is_closed
