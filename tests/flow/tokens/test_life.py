"""Whatever users, thieves, applications, clocks and restarts do in whatever order: the flow does what the model says.

The model is `lines.py`. The same machine runs over memory, a SQLite file and a real PostgreSQL.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.core.rotation import RotationPolicy
from gateway.errors import (
    ClientNotAllowed,
    GatewayError,
    InvalidGrant,
    InvalidToken,
    SessionUnverifiable,
    TooManyFamilies,
)
from gateway.flow.clients import Client
from gateway.flow.endings import COOKIE_LIFE
from gateway.flow.logout import EXCHANGE_TIME
from gateway.flow.tokens import Grant, TokenPolicy
from gateway.model import LegacySession
from tests.flow.tokens.lines import ACCESS, CAP, GRACE, IDLE, LEEWAY, REFRESH, Access, Line, Session
from tests.flow.tokens.places import InFile, InMemory, OnServer, Place
from tests.flow.tokens.world import ISSUER, MOBILE, WEB, World, shown
from tests.servers_postgres import PostgresServer

Result = TypeVar("Result")

CLIENTS = st.sampled_from([WEB, WEB, WEB, MOBILE])
SUBJECTS = ["ada", "bob"]
POLICY = TokenPolicy(
    ISSUER,
    "app",
    access=ACCESS,
    refresh=REFRESH,
    leeway=LEEWAY,
    rotation=RotationPolicy(grace=GRACE, idle=IDLE),
    family_cap=CAP,
)
WAITS = st.sampled_from([1, 1, 5, 5, GRACE - 1, GRACE - 1, GRACE, GRACE, 300, ACCESS + LEEWAY, IDLE - 1, IDLE, 20_000])
RARELY = st.sampled_from([False] * 3 + [True])
"""For what ends things: otherwise most runs would be over before a token has a second successor."""


class TokenLife(RuleBasedStateMachine):
    """One site with a few users, all their tokens, and everybody who ever saw one."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.place = place
        self.world = World(policy=POLICY)
        self.sessions: list[Session] = []
        self.lines: list[Line] = []
        self.accesses: list[Access] = []
        self.keys = 0
        self.do(self._begin())

    @initialize()
    def two_users_have_tokens(self) -> None:
        for subject in SUBJECTS:
            self.sign_in(subject, None)
            self.get_tokens(self.sessions[-1], WEB)

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    async def _begin(self) -> None:
        self.world.work_on(*await self.place.open())
        await self.world.start()

    def teardown(self) -> None:
        self.do(self.place.close())
        self.runner.close()

    @property
    def now(self) -> float:
        return self.world.now

    def attempt(self, work: Coroutine[Any, Any, Grant]) -> Grant | type[GatewayError]:
        try:
            return self.do(work)
        except GatewayError as error:
            return type(error)

    def take(self, line: Line, grant: Grant) -> None:
        self.accesses.append(Access(grant.access_token, line, int(self.now) + grant.expires_in))
        assert self.accesses[-1].expires_at <= line.end
        assert grant.refresh_expires_in == int(line.idle_end - self.now)

    # --- the user ---

    @rule(subject=st.sampled_from(SUBJECTS), life=st.sampled_from([None, None, 700.0, 4_000.0]))
    def log_in(self, subject: str, life: float | None) -> None:
        if len(self.sessions) < 8:
            self.sign_in(subject, life)

    def sign_in(self, subject: str, life: float | None) -> None:
        session = Session(b"s%d" % len(self.sessions), subject, None if life is None else self.now + life)
        self.sessions.append(session)
        self.world.app.log_in(session.cookie, subject, expires_at=session.ends_at)

    @rule(draw=st.data(), client=CLIENTS)
    def exchange(self, draw: st.DataObject, client: Client) -> None:
        self.get_tokens(draw.draw(st.sampled_from(self.sessions[-4:])), client)

    def get_tokens(self, session: Session, client: Client) -> None:
        self.keys += 1
        key = f"key-{self.keys:06}"
        siblings = [line for line in self.lines if line.session is session and line.is_live(self.now)]
        result = self.attempt(self.world.exchange(session.cookie, client, key))
        if not session.is_open_to_exchange(self.now):
            assert result is SessionUnverifiable
        elif len(siblings) >= CAP:
            assert result is TooManyFamilies
        else:
            assert isinstance(result, Grant), result
            self.lines.append(Line(session, client.id, self.now, key, [result.refresh_token]))
            self.take(self.lines[-1], result)

    @rule(draw=st.data())
    def repeat_an_exchange(self, draw: st.DataObject) -> None:
        """The answer was lost, and the same request comes again with its Idempotency-Key."""
        line = draw.draw(st.sampled_from(self.lines[-4:]))
        if self.now - line.created_at < GRACE and line.session.is_open_to_exchange(self.now):
            result = self.attempt(self.world.exchange(line.session.cookie, owner_of(line), line.idempotency_key))
            if line.is_over:
                assert result is SessionUnverifiable
            else:
                assert isinstance(result, Grant), result
                assert result.refresh_token == line.tokens[0]
                self.take(line, result)

    @precondition(lambda self: any(line.is_live(self.now) for line in self.lines))
    @rule(draw=st.data(), waits=st.sampled_from([0, 0, 1, GRACE, GRACE, GRACE, 2 * GRACE]))
    def refresh(self, draw: st.DataObject, waits: int) -> None:
        """The owner, or a racer, shows the newest token of a family that is live."""
        line = draw.draw(st.sampled_from([line for line in self.lines if line.is_live(self.now)]))
        self.world.pass_time(waits)
        self.show(line, line.tokens[-1], owner_of(line))

    @precondition(lambda self: any(line.is_live(self.now) for line in self.lines))
    @rule(draw=st.data(), times=st.integers(1, 3), retries=st.booleans())
    def go_on(self, draw: st.DataObject, times: int, retries: bool) -> None:
        """A browser that is used: its token is ripe each time, and now and then it asks twice."""
        line = draw.draw(st.sampled_from([line for line in self.lines if line.is_live(self.now)]))
        for _ in range(times):
            self.world.pass_time(GRACE)
            self.show(line, line.tokens[-1], owner_of(line))
            if retries and len(line.tokens) > 1:
                self.show(line, line.tokens[-2], owner_of(line))

    @precondition(lambda self: any(line.is_live(self.now) and len(line.tokens) > 1 for line in self.lines))
    @rule(draw=st.data(), waits=st.sampled_from([0, 0, 0, 1, GRACE - 1, GRACE]))
    def retry(self, draw: st.DataObject, waits: int) -> None:
        """The owner did not hear the answer, or a racer came second."""
        lines = [line for line in self.lines if line.is_live(self.now) and len(line.tokens) > 1]
        line = draw.draw(st.sampled_from(lines))
        self.world.pass_time(waits)
        self.show(line, line.tokens[-2], owner_of(line))

    @precondition(lambda self: any(len(line.tokens) > 2 for line in self.lines))
    @rule(draw=st.data(), really=RARELY)
    def replay(self, draw: st.DataObject, really: bool) -> None:
        """A thief shows a token that was spent long ago."""
        if really:
            line = draw.draw(st.sampled_from([line for line in self.lines if len(line.tokens) > 2]))
            self.show(line, draw.draw(st.sampled_from(line.tokens[:-2])), owner_of(line))

    @rule(draw=st.data(), client=CLIENTS)
    def show_as_any_client(self, draw: st.DataObject, client: Client) -> None:
        line = draw.draw(st.sampled_from(self.lines[-6:]))
        self.show(line, draw.draw(st.sampled_from(line.tokens[-2:])), client)

    def show(self, line: Line, token: str, client: Client) -> None:
        expected = line.expected(token, client.id, self.now)
        result = self.attempt(self.world.refresh(token, client))
        if expected == "new":
            assert isinstance(result, Grant), result
            everything = {known for other in self.lines for known in other.tokens}
            assert result.refresh_token not in everything
            line.succeeded(result.refresh_token, self.now)
        else:
            line.present(token, client.id, self.now)
            shown_back = result.refresh_token if isinstance(result, Grant) else result
            assert shown_back == (InvalidGrant if expected == "refused" else expected)
        if isinstance(result, Grant):
            self.take(line, result)

    # --- endings ---

    @rule(draw=st.data(), client=CLIENTS, really=RARELY)
    def revoke_a_refresh_token(self, draw: st.DataObject, client: Client, really: bool) -> None:
        if not really:
            return
        line = draw.draw(st.sampled_from(self.lines[-6:]))
        token = draw.draw(st.sampled_from(line.tokens))
        if client.id != line.client:
            if self.now < line.end:
                with pytest.raises(ClientNotAllowed):
                    self.do(self.world.tokens.revoke(token, "", client, now=self.now))
            return
        self.do(self.world.tokens.revoke(token, "access_token", client, now=self.now))
        line.is_over = True

    @rule(draw=st.data(), really=RARELY)
    def revoke_an_access_token(self, draw: st.DataObject, really: bool) -> None:
        if not really:
            return
        access = draw.draw(st.sampled_from(self.accesses[-10:]))
        self.do(self.world.tokens.revoke(access.text, "refresh_token", owner_of(access.line), now=self.now))
        access.is_revoked = True

    @rule(
        draw=st.data(),
        by=st.sampled_from(["", "", "", "", "", "", "refresh", "cookie"]),
        everywhere=RARELY,
        refuses=st.booleans(),
    )
    def log_out(self, draw: st.DataObject, by: str, everywhere: bool, refuses: bool) -> None:
        """Of a family, or of what the browser shows; `refuses` is an application that does not end its session."""
        if not by:
            return
        line = draw.draw(st.sampled_from(self.lines[-6:]))
        self.world.app.refuses_logout = refuses
        token = draw.draw(st.sampled_from(line.tokens)) if by == "refresh" else None
        cookie = shown(line.session.cookie) if by == "cookie" else None
        self.do(
            self.world.tokens.logout(token=None, refresh_token=token, shown=cookie, everywhere=everywhere, now=self.now)
        )
        named = [line] if by == "refresh" and not line.is_over and self.now < line.end else []
        sessions = [line.session] if named or (by == "cookie" and line.session.is_alive) else []
        if not sessions:
            return
        subject = line.session.subject
        live = [one for one in self.lines if one.is_live(self.now) and one.session.subject == subject]
        if everywhere:
            sessions += [one.session for one in live if one.session not in sessions]
        for one in self.lines:
            is_sibling = one.is_live(self.now) and one.session in sessions
            if is_sibling or one in named or (everywhere and one.session.subject == subject):
                one.is_over = True
        for session in sessions:
            self._ended_or_barred(session, refuses, is_shown=by == "cookie" and session is line.session)

    def _ended_or_barred(self, session: Session, refuses: bool, *, is_shown: bool) -> None:
        if not refuses:
            session.is_alive = False
            session.barred_until = max(session.barred_until, self.now + EXCHANGE_TIME)
        elif is_shown and session.ends_at is not None:
            session.barred_until = max(session.barred_until, session.ends_at, self.now + EXCHANGE_TIME)
        else:
            session.barred_until = max(session.barred_until, self.now + COOKIE_LIFE)

    @rule(draw=st.data(), is_seen=st.booleans(), really=RARELY)
    def the_application_logs_out(self, draw: st.DataObject, is_seen: bool, really: bool) -> None:
        """By itself: we see its response, or learn of it only when the session is looked at."""
        session = draw.draw(st.sampled_from(self.sessions))
        if not session.is_alive or not really:
            return
        session.is_alive = False
        self.world.app.log_out(session.cookie)
        if is_seen:
            ended = LegacySession("main", session.cookie.decode(), session.subject)
            self.do(self.world.tokens.end_session(ended, "logout", now=self.now))
            session.barred_until = max(session.barred_until, self.now + EXCHANGE_TIME)
            for line in self.lines:
                line.is_over |= line.session is session and line.is_live(self.now)

    # --- the world around ---

    @rule(seconds=WAITS)
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(limit=st.sampled_from([1, 10, 1000]))
    def sweep(self, limit: int) -> None:
        """Housekeeping takes nothing that anybody could still notice."""
        self.do(self.world.families.delete_expired(self.now, limit))

    @rule(really=RARELY)
    def everything_restarts(self, really: bool) -> None:
        async def restart() -> None:
            self.world.work_on(*await self.place.reopen())
            await self.world.start()

        if really:
            self.do(restart())

    # --- what always holds ---

    @invariant()
    def access_tokens_are_good_exactly_as_long_as_the_model_says(self) -> None:
        for access in self.accesses[-15:]:
            assert self.do(self._accepts(access.text)) == access.is_good(self.now)

    async def _accepts(self, text: str) -> bool:
        try:
            await self.world.tokens.verify(text.encode(), now=self.now)
        except InvalidToken:
            return False
        return True

    @invariant()
    def a_family_has_one_leaf(self) -> None:
        assert set(self.do(self.place.count_leaves(self.now)).values()) <= {1}


def owner_of(line: Line) -> Client:
    return WEB if line.client == WEB.id else MOBILE


def run(place: Place, *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: TokenLife(place),  # type: ignore[arg-type]  # whatever makes a machine will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.mark.timeout(240)
def test_the_life_of_tokens_in_memory() -> None:
    run(InMemory(), examples=40, steps=40)


@pytest.mark.timeout(240)
def test_the_life_of_tokens_in_a_file(tmp_path: Path) -> None:
    run(InFile(tmp_path), examples=15, steps=40)


@pytest.mark.timeout(240)
def test_the_life_of_tokens_in_postgresql(server: PostgresServer) -> None:
    run(OnServer(server), examples=10, steps=40)
