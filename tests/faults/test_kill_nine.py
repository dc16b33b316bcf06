"""The short form of `make soak-kill`: around each COMMIT, and at each command to Redis."""

from pathlib import Path

import pytest

from tests.faults.kill_nine import VICTIMS, kill_at_every_step
from tests.faults.operations import OPERATIONS


@pytest.mark.timeout(240)
async def test_what_was_acknowledged_survives_kill_9_and_the_rest_can_be_repeated(tmp_path: Path) -> None:
    lines = await kill_at_every_step(tmp_path, lambda step: step in {"COMMIT", "committed", "Redis"})
    assert len(lines) == len(OPERATIONS) * len(VICTIMS)
