"""A session whose time is over is followed by one of our making: once, for all of its tokens, and never another's."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from gateway.bridge.mint import Mint, MintedLogout, UserRow
from gateway.bridge.minted_vault import MintingVault
from gateway.codec import Entry, Lookup, Query, Row
from gateway.errors import SessionEnded, VaultUnavailable
from gateway.facts import Event
from gateway.flow.tokens import Grant, TokenPolicy
from gateway.formats.minting import Draft, Minting, NewEntry, NewRecord, Template
from gateway.model import VaultedSession, VerifiedToken
from tests.flow.tokens.world import ISSUER, START, WEB, World

POLICY = TokenPolicy(ISSUER, "app", minted=frozenset({"main"}))
LIFE = 100.0  # seconds that a session of the application lasts


class Form:
    """Sessions of the application in two lines: the cookie is the name of an entry that holds the user."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def find(self, key: str) -> Query | None:
        return Entry("s:", key)

    def mint(self, draft: Draft) -> Minting:
        self.drafts.append(draft)
        name = f"made{len(self.drafts)}"
        content = Template({"user": "{subject}"}).fill(draft)
        yield NewEntry("s:", name, str(content["user"]).encode(), draft.life)
        return ((b"sessionid", name.encode()),)


class Place:
    """Where its records lie: what is written there, the application takes for a login of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.deleted: list[Query] = []
        self.is_away = False
        self.writes_for = ""
        self.asked = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, record: NewRecord) -> str:
        assert isinstance(record, NewEntry)
        self.asked.release()
        await self.gate.wait()
        if self.is_away:
            raise VaultUnavailable
        ends = self._world.clock.now + record.life
        self._world.app.log_in(record.name.encode(), self.writes_for or record.value.decode(), expires_at=ends)
        return record.name

    async def has_been_asked(self, times: int) -> None:
        for _ in range(times):
            await asyncio.wait_for(self.asked.acquire(), 10)

    async def delete(self, query: Query) -> None:
        if self.is_away:
            raise VaultUnavailable
        assert isinstance(query, Entry)
        self.deleted.append(query)
        self._world.app.log_out(query.name.encode())

    async def aclose(self) -> None: ...


class Users:
    """The table of users."""

    def __init__(self) -> None:
        self.rows: Mapping[str, Sequence[object]] = {"ada": ("ada", 1), "eve": ("eve", 1)}

    async def find(self, lookup: Lookup) -> Row | None:
        row = self.rows.get(lookup.value)
        return None if row is None else tuple(row)

    async def aclose(self) -> None: ...


class Stage:
    """The world of the token flow with a vault whose sessions are followed."""

    def __init__(self, realm: str = "") -> None:
        self.world = World(policy=POLICY)
        self.form, self.place, self.users = Form(), Place(self.world), Users()
        self.mint = Mint(
            form=self.form,
            realm=realm,
            life=LIFE,
            users=UserRow("users", "id", (), "active"),
            rows=self.users,
            place=self.place,
            entropy=self.world.entropy,
        )
        self.vault = self.another_gateway()

    def another_gateway(self) -> MintingVault:
        return MintingVault(
            self.world.vault,
            mints={"main": self.mint},
            sessions={"main": self.world.app},
            families=self.world.families,
            following=lambda: self.world.tokens,
            clock=self.world.clock,
            facts=self.world.facts,
            pause=self.world.pause,
        )

    async def exchanged(self, subject: str = "ada", cookie: bytes = b"s1") -> Grant:
        await self.world.start()
        self.world.app.log_in(cookie, subject, expires_at=START + LIFE)
        return await self.world.exchange(cookie)

    async def token_of(self, grant: Grant) -> VerifiedToken:
        return await self.world.tokens.verify(grant.access_token.encode(), now=self.world.clock.now)

    def outlive(self, cookie: bytes = b"s1") -> None:
        self.world.clock.now += LIFE + 1
        self.world.app.log_out(cookie, "expired")


def shown(session: VaultedSession) -> bytes:
    return dict(session.cookies)[b"sessionid"]


async def test_a_session_that_lives_is_left_alone() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    assert shown(await stage.vault.open(token)) == b"s1"
    assert stage.form.drafts == []


async def test_one_whose_time_is_over_is_followed() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    session = await stage.vault.open(token)
    assert (shown(session), session.session_key) == (b"made1", "made1")
    assert shown(await stage.vault.open(token)) == b"made1", "and then it lives"
    assert Event.SESSION_MINTED in stage.world.facts.events
    family = await stage.world.families.find_family(token.session_id)
    assert family is not None
    assert family.session_hash == stage.world.tokens.session_hash("main", "made1"), "its logout is the family's"


async def test_one_that_ends_within_the_second_is_followed_before_a_request_comes_too_late() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.world.clock.now += LIFE - 0.5
    assert shown(await stage.vault.open(token)) == b"made1"


@pytest.mark.parametrize("reason", ["gone", "no_user", "not_bound", "bad_signature"])
async def test_one_that_ended_otherwise_is_not(reason: str) -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.world.app.log_out(b"s1", reason)
    assert shown(await stage.vault.open(token)) == b"s1"
    assert stage.form.drafts == []


async def test_all_who_ask_at_once_get_the_same_one() -> None:
    stage = Stage()
    grants = [await stage.exchanged(), await stage.world.exchange(b"s1")]
    tokens = [await stage.token_of(grant) for grant in grants]
    stage.outlive()
    sessions = await asyncio.gather(*(stage.vault.open(tokens[turn % 2]) for turn in range(10)))
    assert {shown(session) for session in sessions} == {b"made1"}
    assert len(stage.form.drafts) == 1


async def test_a_session_that_another_gateway_was_quicker_to_replace_is_deleted_again() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    stage.place.gate.clear()
    both = [asyncio.ensure_future(gateway.open(token)) for gateway in (stage.vault, stage.another_gateway())]
    await stage.place.has_been_asked(2)
    stage.place.gate.set()
    sessions = await asyncio.gather(*both)
    current = shown(await stage.vault.open(token))
    assert {shown(session) for session in sessions} == {current}
    assert len(stage.form.drafts) == 2
    (deleted,) = stage.place.deleted
    assert isinstance(deleted, Entry)
    assert deleted.name.encode() != current


async def test_a_client_that_leaves_ends_nothing_that_others_wait_for() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    stage.place.gate.clear()
    first, second = (asyncio.ensure_future(stage.vault.open(token)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    stage.place.gate.set()
    assert shown(await second) == b"made1"


@pytest.mark.parametrize("row", [None, ("ada", 0)])
async def test_a_user_who_is_gone_or_may_not_sign_in_is_left_with_the_session_that_is_over(row: Row | None) -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    stage.users.rows = {} if row is None else {"ada": row}
    assert shown(await stage.vault.open(token)) == b"s1"
    assert Event.MINT_REFUSED in stage.world.facts.events


async def test_a_session_that_is_read_as_somebody_elses_is_given_to_nobody() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    stage.place.writes_for = "eve"
    with pytest.raises(VaultUnavailable):
        await stage.vault.open(token)
    assert stage.place.deleted == [Entry("s:", "made1")]
    assert Event.MINT_FAILED in stage.world.facts.events
    assert shown(await stage.world.vault.open(token)) == b"s1"


async def test_a_place_that_is_away_is_a_fault_of_ours_and_ends_nothing() -> None:
    stage = Stage()
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    stage.place.is_away = True
    with pytest.raises(VaultUnavailable):
        await stage.vault.open(token)
    stage.place.is_away = False
    assert shown(await stage.vault.open(token)) == b"made2"


async def test_a_vault_that_could_not_be_written_ends_nothing_and_is_written_with_the_next_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*arguments: object) -> bool:
        raise VaultUnavailable

    stage = Stage()
    grants = [await stage.exchanged(), await stage.world.exchange(b"s1")]
    tokens = [await stage.token_of(grant) for grant in grants]
    stage.outlive()
    with monkeypatch.context() as patch:
        patch.setattr(stage.world.vault, "update", away)
        with pytest.raises(VaultUnavailable):
            await stage.vault.open(tokens[0])
    for gateway in (stage.another_gateway(), stage.vault):
        assert {shown(await gateway.open(token)) for token in tokens} == {b"made2"}
    families = [await stage.world.families.find_family(token.session_id) for token in tokens]
    theirs = stage.world.tokens.session_hash("main", "made2")
    assert [family.session_hash for family in families if family is not None] == [theirs] * 2


async def test_a_vault_that_another_gateway_is_writing_is_waited_for() -> None:
    stage = Stage()
    grant = await stage.exchanged()
    token = await stage.token_of(grant)
    stage.outlive()
    world = stage.world
    before, key = await world.vault.open(token), "theirs"
    world.app.log_in(key.encode(), "ada", expires_at=world.now + LIFE)
    ours, theirs = (world.tokens.session_hash("main", name) for name in (before.session_key, key))
    await world.families.move_families(ours, theirs, world.now)

    async def write() -> None:
        await world.vault.update(before, {b"sessionid": key.encode()}, key)

    world.meanwhile = write
    assert shown(await stage.vault.open(token)) == key.encode()
    assert stage.form.drafts == []


async def test_a_session_that_was_made_while_its_user_logged_out_is_deleted_again() -> None:
    stage = Stage()
    grant = await stage.exchanged()
    token = await stage.token_of(grant)
    stage.outlive()
    stage.place.gate.clear()
    asked = asyncio.ensure_future(stage.vault.open(token))
    await stage.place.has_been_asked(1)
    await stage.world.tokens.revoke(grant.refresh_token, "", WEB, now=stage.world.now)
    stage.place.gate.set()
    with pytest.raises(SessionEnded):
        await asked
    assert stage.place.deleted == [Entry("s:", "made1")]


async def test_the_subject_of_another_realm_has_no_session_here() -> None:
    stage = Stage(realm="shop")
    token = await stage.token_of(await stage.exchanged())
    stage.outlive()
    assert shown(await stage.vault.open(token)) == b"s1"


async def test_a_realm_is_not_what_the_application_calls_its_user() -> None:
    stage = Stage(realm="shop")
    stage.place.writes_for = "shop|ada"
    token = await stage.token_of(await stage.exchanged("shop|ada"))
    stage.outlive()
    assert shown(await stage.vault.open(token)) == b"made1"
    assert [draft.subject for draft in stage.form.drafts] == ["ada"]


async def test_a_logout_asks_the_application_and_deletes_the_record_where_that_does_not_help() -> None:
    stage = Stage()
    session = VaultedSession("f", "ada", "main", ((b"sessionid", b"made1"),), "made1")
    assert await MintedLogout(stage.mint, stage.world.app).end(session)
    assert stage.place.deleted == []
    stage.world.app.refuses_logout = True
    assert await MintedLogout(stage.mint, stage.world.app).end(session)
    assert await MintedLogout(stage.mint, None).end(session)
    assert stage.place.deleted == [Entry("s:", "made1")] * 2
    stage.place.is_away = True
    assert not await MintedLogout(stage.mint, None).end(session)


async def test_a_session_that_nobody_could_read_is_not_said_to_be_gone() -> None:
    stage = Stage()
    unread = VaultedSession("", "", "main", ((b"sessionid", b"s1"),), "")
    assert not await MintedLogout(stage.mint, None).end(unread)
    assert stage.place.deleted == []
