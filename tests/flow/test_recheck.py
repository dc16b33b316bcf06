"""Families from before count only after the session behind them was looked at once more."""

import pytest

from gateway.errors import SessionEnded, SessionUndetermined
from gateway.flow.behind import SessionsBehind
from gateway.flow.inference import Inference
from gateway.flow.recheck import Recheck
from gateway.model import (
    Anonymous,
    LegacySession,
    SessionCookie,
    Undetermined,
    VaultedSession,
    Verdict,
    VerifiedToken,
)


class OneSession:
    """A session store and a vault with one session, whose verdict the test sets."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked = 0
        self.ended: list[str] = []

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        assert fresh
        self.asked += 1
        return self.verdict

    async def pause(self, seconds: float) -> None: ...

    def forget(self, session: LegacySession) -> None: ...

    async def open(self, token: VerifiedToken) -> VaultedSession:
        return VaultedSession(token.session_id, token.subject, "main", ((b"sessionid", b"x"),), "x")

    async def seal(self, session: VaultedSession, expires_at: float) -> object: ...

    async def update(self, session: VaultedSession, cookies: object, session_key: str) -> bool:
        return True

    async def end(self, token: VerifiedToken, now: float) -> None:
        self.ended.append(token.session_id)


def token(issued_at: float, sid: str = "f1") -> VerifiedToken:
    return VerifiedToken("ada", sid, "t", "web", 0, issued_at, issued_at, issued_at + 3600, {})


def recheck(world: OneSession, since: float = 100.0) -> Recheck:
    behind = SessionsBehind(sessions={"main": world}, inference=Inference(), pause=world.pause)
    return Recheck(vault=world, behind=behind, end=world.end, since=since)  # type: ignore[arg-type]


async def test_a_token_from_after_the_start_needs_no_second_look() -> None:
    world = OneSession(Anonymous("gone"))
    await recheck(world).ensure_alive(token(100.0), 101.0)
    assert world.asked == 0


async def test_an_old_family_is_looked_at_once() -> None:
    world = OneSession(LegacySession("main", "x", "ada"))
    check = recheck(world)
    for _ in range(3):
        await check.ensure_alive(token(99.0), 101.0)
    assert world.asked == 1
    await check.ensure_alive(token(99.0, "f2"), 101.0)
    assert world.asked == 2


@pytest.mark.parametrize("verdict", [Anonymous("gone"), Anonymous("no_user"), LegacySession("main", "x", "bob")])
async def test_a_family_whose_session_is_gone_or_somebody_elses_ends(verdict: Verdict) -> None:
    world = OneSession(verdict)
    with pytest.raises(SessionEnded):
        await recheck(world).ensure_alive(token(99.0), 101.0)
    assert world.ended == ["f1"]


@pytest.mark.parametrize("verdict", [Undetermined("unreachable"), Anonymous("bad_signature"), Anonymous("absent")])
async def test_what_nobody_can_say_ends_nothing_and_is_asked_again(verdict: Verdict) -> None:
    """A secret that was configured wrongly makes every signature bad; that is nobody's logout."""
    world = OneSession(verdict)
    check = recheck(world)
    for _ in range(2):
        with pytest.raises(SessionUndetermined):
            await check.ensure_alive(token(99.0), 101.0)
    assert world.asked == 2
    assert world.ended == []


async def test_switching_tokens_on_again_makes_every_family_old() -> None:
    world = OneSession(LegacySession("main", "x", "ada"))
    check = recheck(world)
    await check.ensure_alive(token(99.0), 101.0)
    check.begin(200.0)
    await check.ensure_alive(token(150.0), 201.0)
    await check.ensure_alive(token(99.0), 201.0)
    assert world.asked == 2


async def test_what_is_remembered_goes_when_no_old_token_can_be_left() -> None:
    world = OneSession(LegacySession("main", "x", "ada"))
    check = recheck(world)
    await check.ensure_alive(token(99.0), 101.0)
    check.forget(102.0)
    await check.ensure_alive(token(99.0), 103.0)
    assert world.asked == 1
    check.forget(100.0 + 3601)
    await check.ensure_alive(token(99.0), 103.0)
    assert world.asked == 2
