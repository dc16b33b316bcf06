"""The stores in memory keep the same rules as the durable ones."""

import pytest

from gateway.stores.keys_memory import MemoryKeyStore
from gateway.stores.phase_memory import MemoryPhaseStore
from gateway.stores.refresh_memory import MemoryRefreshStore
from gateway.stores.revocation_log_memory import MemoryRevocationLog
from gateway.stores.vault_memory import MemoryVaultStore
from tests.stores.conformance_bars import BarRules
from tests.stores.conformance_families import FamilyRules
from tests.stores.conformance_keys import KeyStoreRules
from tests.stores.conformance_phase import PhaseStoreRules
from tests.stores.conformance_refresh import RefreshStoreRules, Stores
from tests.stores.conformance_revocation_log import RevocationLogRules
from tests.stores.conformance_vault import VaultStoreRules


def memory_stores() -> Stores:
    log, vault = MemoryRevocationLog(), MemoryVaultStore()
    return Stores(MemoryRefreshStore(log, vault), vault, log)


class TestRefreshStore(RefreshStoreRules, FamilyRules, BarRules):
    @pytest.fixture
    def stores(self) -> Stores:
        return memory_stores()


class TestVaultStore(VaultStoreRules):
    @pytest.fixture
    def stores(self) -> Stores:
        return memory_stores()


class TestPhaseStore(PhaseStoreRules):
    @pytest.fixture
    def phases(self) -> MemoryPhaseStore:
        return MemoryPhaseStore()


class TestKeyStore(KeyStoreRules):
    @pytest.fixture
    def keys(self) -> MemoryKeyStore:
        return MemoryKeyStore()


class TestRevocationLog(RevocationLogRules):
    @pytest.fixture
    def log(self) -> MemoryRevocationLog:
        return MemoryRevocationLog()
