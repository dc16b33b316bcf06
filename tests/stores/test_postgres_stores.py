"""PostgreSQL keeps the rules of all stores, and an audit trail of what changed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from gateway.core.phases import Stage
from gateway.errors import StoreUnavailable, VaultUnavailable
from gateway.model import Phase, RevocationKind
from gateway.stores.audit_postgres import PostgresAuditTrail
from gateway.stores.history_postgres import PostgresHistory
from gateway.stores.keys_postgres import PostgresKeyStore
from gateway.stores.phase_postgres import PostgresPhaseStore
from gateway.stores.postgres import PostgresDatabase
from gateway.stores.postgres_connection import Connection, PostgresPolicy
from gateway.stores.refresh_postgres import PostgresRefreshStore
from gateway.stores.revocation_postgres import PostgresRevocationLog
from tests.servers_postgres import PostgresServer
from tests.stores.conformance_bars import BarRules
from tests.stores.conformance_families import FamilyRules
from tests.stores.conformance_history import HistoryRules
from tests.stores.conformance_keys import KeyStoreRules
from tests.stores.conformance_phase import PhaseStoreRules
from tests.stores.conformance_refresh import UNTIL, RefreshStoreRules, Stores
from tests.stores.conformance_revocation_log import RevocationLogRules
from tests.stores.conformance_vault import VaultStoreRules
from tests.stores.postgres_stores import emptied, opened, stores_of, tell
from tests.stores.samples import NOW, OTHER_SESSION, SESSION, chooser, digest, family, revocation, sealed


@pytest.fixture(params=["statement cache", "as behind PgBouncer"])
async def postgres(request: pytest.FixtureRequest, shared_postgres: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    policy = PostgresPolicy(has_statement_cache=request.param == "statement cache")
    async with emptied(shared_postgres), opened(shared_postgres, policy) as database:
        yield database


@pytest.fixture
def stores(postgres: PostgresDatabase) -> Stores:
    return stores_of(postgres)


class TestRefreshStore(RefreshStoreRules, FamilyRules, BarRules):
    @pytest.fixture(params=[False, True], ids=["", "looks first"])
    def stores(self, request: pytest.FixtureRequest, postgres: PostgresDatabase) -> Stores:
        return replace(stores_of(postgres), looks_first=request.param)


class TestHistory(HistoryRules):
    @pytest.fixture
    def history(self, postgres: PostgresDatabase) -> PostgresHistory:
        return PostgresHistory(postgres)


class TestVaultStore(VaultStoreRules):
    pass


class TestPhaseStore(PhaseStoreRules):
    @pytest.fixture
    def phases(self, postgres: PostgresDatabase) -> PostgresPhaseStore:
        return PostgresPhaseStore(postgres)


class TestKeyStore(KeyStoreRules):
    @pytest.fixture
    def keys(self, postgres: PostgresDatabase) -> PostgresKeyStore:
        return PostgresKeyStore(postgres)


class TestRevocationLog(RevocationLogRules):
    @pytest.fixture
    def log(self, postgres: PostgresDatabase) -> PostgresRevocationLog:
        return PostgresRevocationLog(postgres)


async def test_a_phase_of_a_newer_version_is_not_taken_for_none(postgres: PostgresDatabase) -> None:
    phases = PostgresPhaseStore(postgres)
    await phases.write(Stage(Phase.SHADOW), by="ada", reason="", now=NOW)
    await tell(postgres, "UPDATE crossfade_phases SET phase = 'unheard of'")
    with pytest.raises(StoreUnavailable):
        await phases.read()


async def test_every_store_names_its_own_outage(postgres: PostgresDatabase, stores: Stores) -> None:
    await postgres.aclose()
    with pytest.raises(StoreUnavailable):
        await stores.families.find_family("f1")
    with pytest.raises(StoreUnavailable):
        await stores.log.sequence()
    with pytest.raises(VaultUnavailable):
        await stores.vault.fetch("f1")
    with pytest.raises(VaultUnavailable):
        await stores.vault.replace(sealed(), expected_version=0)


async def test_claims_of_any_text_come_back_as_they_were(stores: Stores) -> None:
    owner = family(claims={"name": "Ada\x00 Łovelace 💡", "n": 12345678901234567})
    await stores.open(owner)
    assert await stores.families.find_family("f1") == owner


async def test_a_subject_that_postgres_cannot_keep_is_refused_and_breaks_nothing(stores: Stores) -> None:
    with pytest.raises(StoreUnavailable):
        await stores.open(family(subject="nul\x00"))
    assert await stores.open(family())


# --- what SQLite has by having one connection ---


async def test_a_family_is_opened_before_or_after_its_subject_ended_never_between(stores: Stores) -> None:
    """Each family that is opened while its subject ends is ended with it, or was opened after the epoch."""
    for turn in range(10):
        results = await asyncio.gather(
            *(stores.open(family(f"{turn}-{n}", session_hash=b""), cap=100) for n in range(6)),
            stores.families.end_subject("ada", "admin", UNTIL, NOW),
            return_exceptions=True,
        )
        assert [result for result in results if isinstance(result, BaseException)] == []
    await stores.families.end_subject("ada", "admin", UNTIL, NOW)
    assert await stores.families.families_of_subject("ada", NOW) == []


async def test_numbers_of_revocations_become_visible_in_their_order(postgres: PostgresDatabase, stores: Stores) -> None:
    """A reader that goes on from the newest number it saw misses nothing."""
    seen: list[int] = []
    writers = asyncio.gather(*(stores.log.record([revocation(RevocationKind.TOKEN, f"t{n}")], NOW) for n in range(200)))
    while not writers.done() or (page := await stores.log.live(NOW, after=seen[-1] if seen else 0)):
        page = await stores.log.live(NOW, after=seen[-1] if seen else 0)
        seen += [entry.sequence for entry in page]
    await writers
    assert seen == list(range(1, 201))


async def test_a_number_that_was_rolled_back_is_given_again(postgres: PostgresDatabase, stores: Stores) -> None:
    async def fail(connection: Connection) -> None:
        await connection.execute("UPDATE crossfade_revocation_counter SET sequence = sequence + 5")
        raise LookupError

    with pytest.raises(LookupError):
        await postgres.run(fail)
    assert await stores.log.sequence() == 0


async def test_the_trail_tells_who_did_what_to_which_family(postgres: PostgresDatabase, stores: Stores) -> None:
    await stores.open(family())
    await stores.present("f1-1", "b")
    await stores.families.move_families(SESSION, OTHER_SESSION, NOW + 1)
    await stores.families.rotate(digest("f1-1"), chooser("c", NOW + 60), NOW + 60)
    expected = [
        (NOW, "ada", "family_opened", "web"),
        (NOW, "ada", "token_rotated", ""),
        (NOW + 1, "ada", "family_moved", ""),
        (NOW + 60, "ada", "family_ended", "replay"),
    ]
    trail = PostgresAuditTrail(postgres)
    for entries in (await trail.newest(10, family_id="f1"), await trail.newest(10, who="ada")):
        assert [(entry.at, entry.who, entry.what, entry.reason) for entry in reversed(entries)] == expected
    assert await trail.newest(10, family_id="f1", who="bob") == []


async def test_the_trail_tells_of_what_concerns_no_single_family(postgres: PostgresDatabase, stores: Stores) -> None:
    await stores.families.end_subject("ada", "password_change", UNTIL, NOW)
    await stores.families.bar_session(SESSION, UNTIL, NOW)
    await stores.log.record([revocation(RevocationKind.SUBJECT, "bob"), revocation(RevocationKind.FAMILY, "f9")], NOW)
    await PostgresPhaseStore(postgres).write(Stage(Phase.PARALLEL, 25.0), by="ops", reason="all well", now=NOW)
    entries = await PostgresAuditTrail(postgres).newest(10)
    assert [(entry.who, entry.what, entry.family_id, entry.reason) for entry in reversed(entries)] == [
        ("ada", "subject_ended", "", "password_change"),
        ("", "session_barred", "", ""),
        ("bob", "revoked", "", "test"),
        ("", "revoked", "f9", "test"),
        ("ops", "phase_changed", "", "parallel for 25%: all well"),
    ]


async def test_what_was_rolled_back_left_no_trace_in_the_trail(postgres: PostgresDatabase, stores: Stores) -> None:
    await stores.open(family("f1"))
    await stores.open(family("f2"))
    before = await PostgresAuditTrail(postgres).newest(10)
    with pytest.raises(StoreUnavailable):
        await stores.present("f1-1", "f2-1")
    assert await PostgresAuditTrail(postgres).newest(10) == before


async def test_no_token_and_no_clear_byte_is_in_any_table(postgres: PostgresDatabase, stores: Stores) -> None:
    await stores.open(family())
    await stores.present("f1-1", "the next token")
    for table in ("refresh_tokens", "crossfade_families", "crossfade_audit"):
        text = await tell(
            postgres, f"SELECT string_agg(encode(convert_to(t::text, 'UTF8'), 'escape'), '') FROM {table} t"
        )
        assert "the next token" not in str(text)


async def test_old_entries_of_the_trail_are_deleted(postgres: PostgresDatabase) -> None:
    families = PostgresRefreshStore(postgres, audit_retention=100.0)
    await families.bar_session(SESSION, NOW + 10_000, NOW)
    await families.bar_session(SESSION, NOW + 10_000, NOW + 50)
    assert await families.delete_expired(NOW + 100, 10) == 1
    assert [entry.at for entry in await PostgresAuditTrail(postgres).newest(10)] == [NOW + 50]


async def test_a_sweep_waits_for_nobody_and_leaves_what_is_locked(postgres: PostgresDatabase, stores: Stores) -> None:
    await stores.open(family("f1"))
    await stores.open(family("f2"))
    is_held, may_go = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection) -> None:
        await connection.execute("SELECT 1 FROM crossfade_families WHERE id = 'f1' FOR UPDATE")
        await connection.execute("SELECT 1 FROM refresh_tokens WHERE family_id = 'f1' FOR UPDATE")
        is_held.set()
        await may_go.wait()

    holding = postgres.run(hold)
    await is_held.wait()
    await stores.families.delete_expired(NOW + 5000, 100)
    assert await stores.families.find_family("f2") is None
    assert await stores.families.find_family("f1") is not None
    may_go.set()
    await holding
    await stores.families.delete_expired(NOW + 5000, 100)
    assert await stores.families.find_family("f1") is None


async def test_a_failure_that_the_work_overlooked_is_not_taken_for_committed(postgres: PostgresDatabase) -> None:
    async def overlook(connection: Connection) -> None:
        await connection.execute("INSERT INTO crossfade_barred_sessions VALUES ($1, 0, 0)", SESSION)
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("SELECT 1/0")

    with pytest.raises(StoreUnavailable):
        await postgres.run(overlook)
    assert await tell(postgres, "SELECT count(*) FROM crossfade_barred_sessions") == 0
