"""The embedded database keeps the rules of all stores, and an audit trail of what changed."""

import pytest

from gateway.core.phases import Stage
from gateway.errors import StoreUnavailable, VaultUnavailable
from gateway.model import Phase, RevocationKind
from gateway.stores.audit_sqlite import SqliteAuditTrail
from gateway.stores.history_sqlite import SqliteHistory
from gateway.stores.keys_sqlite import SqliteKeyStore
from gateway.stores.phase_sqlite import SqlitePhaseStore
from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.revocation_sqlite import SqliteRevocationLog
from gateway.stores.sqlite import Database
from gateway.stores.vault_sqlite import SqliteVaultStore
from tests.stores.conformance_bars import BarRules
from tests.stores.conformance_families import FamilyRules
from tests.stores.conformance_history import HistoryRules
from tests.stores.conformance_keys import KeyStoreRules
from tests.stores.conformance_phase import PhaseStoreRules
from tests.stores.conformance_refresh import UNTIL, RefreshStoreRules, Stores
from tests.stores.conformance_revocation_log import RevocationLogRules
from tests.stores.conformance_vault import VaultStoreRules
from tests.stores.samples import NOW, OTHER_SESSION, SESSION, chooser, digest, family, revocation, sealed


@pytest.fixture
def stores(database: Database) -> Stores:
    return Stores(SqliteRefreshStore(database), SqliteVaultStore(database), SqliteRevocationLog(database))


class TestRefreshStore(RefreshStoreRules, FamilyRules, BarRules):
    pass


class TestHistory(HistoryRules):
    @pytest.fixture
    def history(self, database: Database) -> SqliteHistory:
        return SqliteHistory(database)


class TestVaultStore(VaultStoreRules):
    pass


class TestPhaseStore(PhaseStoreRules):
    @pytest.fixture
    def phases(self, database: Database) -> SqlitePhaseStore:
        return SqlitePhaseStore(database)


class TestKeyStore(KeyStoreRules):
    @pytest.fixture
    def keys(self, database: Database) -> SqliteKeyStore:
        return SqliteKeyStore(database)


class TestRevocationLog(RevocationLogRules):
    @pytest.fixture
    def log(self, database: Database) -> SqliteRevocationLog:
        return SqliteRevocationLog(database)


async def test_a_phase_of_a_newer_version_is_not_taken_for_none(database: Database) -> None:
    phases = SqlitePhaseStore(database)
    await phases.write(Stage(Phase.SHADOW), by="ada", reason="", now=NOW)
    await database.run(lambda connection: connection.execute("UPDATE phases SET phase = 'unheard of'"))
    with pytest.raises(StoreUnavailable):
        await phases.read()


async def test_every_store_names_its_own_outage(database: Database, stores: Stores) -> None:
    database.close()
    with pytest.raises(StoreUnavailable):
        await stores.families.find_family("f1")
    with pytest.raises(StoreUnavailable):
        await stores.log.sequence()
    with pytest.raises(VaultUnavailable):
        await stores.vault.fetch("f1")
    with pytest.raises(VaultUnavailable):
        await stores.vault.replace(sealed(), expected_version=0)


# --- the audit trail ---


async def test_the_trail_tells_who_did_what_to_which_family(database: Database, stores: Stores) -> None:
    await stores.open(family())
    await stores.present("f1-1", "b")
    await stores.families.move_families(SESSION, OTHER_SESSION, NOW + 1)
    await stores.families.rotate(digest("f1-1"), chooser("c", NOW + 60), NOW + 60)
    entries = await SqliteAuditTrail(database).newest(10, family_id="f1")
    assert [(entry.at, entry.who, entry.what, entry.reason) for entry in reversed(entries)] == [
        (NOW, "ada", "family_opened", "web"),
        (NOW, "ada", "token_rotated", ""),
        (NOW + 1, "ada", "family_moved", ""),
        (NOW + 60, "ada", "family_ended", "replay"),
    ]


async def test_the_trail_tells_of_what_concerns_no_single_family(database: Database, stores: Stores) -> None:
    await stores.families.end_subject("ada", "password_change", UNTIL, NOW)
    await stores.families.bar_session(SESSION, UNTIL, NOW)
    await stores.log.record([revocation(RevocationKind.SUBJECT, "bob"), revocation(RevocationKind.FAMILY, "f9")], NOW)
    await SqlitePhaseStore(database).write(Stage(Phase.PARALLEL, 25.0), by="ops", reason="all well", now=NOW)
    entries = await SqliteAuditTrail(database).newest(10)
    assert [(entry.who, entry.what, entry.family_id, entry.reason) for entry in reversed(entries)] == [
        ("ada", "subject_ended", "", "password_change"),
        ("", "session_barred", "", ""),
        ("bob", "revoked", "", "test"),
        ("", "revoked", "f9", "test"),
        ("ops", "phase_changed", "", "parallel for 25%: all well"),
    ]


async def test_what_was_rolled_back_left_no_trace_in_the_trail(database: Database, stores: Stores) -> None:
    await stores.open(family("f1"))
    await stores.open(family("f2"))
    before = await SqliteAuditTrail(database).newest(10)
    with pytest.raises(StoreUnavailable):
        await stores.present("f1-1", "f2-1")
    assert await SqliteAuditTrail(database).newest(10) == before


async def test_no_token_and_no_sealed_byte_gets_into_the_trail(database: Database, stores: Stores) -> None:
    await stores.open(family())
    await stores.present("f1-1", "the next token")
    trail = repr(await SqliteAuditTrail(database).newest(10))
    assert "the next token" not in trail
    assert repr(digest("the next token")) not in trail


async def test_old_entries_of_the_trail_are_deleted(database: Database) -> None:
    families = SqliteRefreshStore(database, audit_retention=100.0)
    await families.bar_session(SESSION, NOW + 10_000, NOW)
    await families.bar_session(SESSION, NOW + 10_000, NOW + 50)
    assert await families.delete_expired(NOW + 100, 10) == 1
    assert [entry.at for entry in await SqliteAuditTrail(database).newest(10)] == [NOW + 50]
