"""What must happen before any test module is imported: suites that others import show their failures in full, too."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's business: on a busy one it says nothing about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

pytest.register_assert_rewrite(
    "tests.stores.conformance_bars",
    "tests.stores.conformance_families",
    "tests.stores.conformance_history",
    "tests.stores.conformance_keys",
    "tests.stores.conformance_phase",
    "tests.stores.conformance_refresh",
    "tests.stores.conformance_revocation_log",
    "tests.stores.conformance_vault",
)
