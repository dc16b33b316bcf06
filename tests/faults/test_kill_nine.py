"""The short form of `make soak-kill`: around each COMMIT, and at each command to Redis."""

from pathlib import Path

import pytest

from tests.faults.kill_nine import VICTIMS, kill_at_every_step
from tests.faults.operations import AGE, OPERATIONS, Client, signed_in
from tests.soak.cluster import Cluster
from tests.soak.http import refresh_request


@pytest.mark.timeout(240)
async def test_what_was_acknowledged_survives_kill_9_and_the_rest_can_be_repeated(tmp_path: Path) -> None:
    lines = await kill_at_every_step(tmp_path, lambda step: step in {"COMMIT", "committed", "Redis"})
    assert len(lines) == len(OPERATIONS) * len(VICTIMS)


@pytest.mark.timeout(120)
async def test_a_token_that_was_spent_before_all_was_killed_is_a_replay_afterwards(tmp_path: Path) -> None:
    """CVE-2026-9802: after a restart, tokens that had been rotated were accepted again."""
    with Cluster(tmp_path, gateways=1) as cluster:
        client = Client(cluster)
        tokens = await signed_in(client)
        client.find(AGE.format(tokens.family))
        assert (await client.insist(refresh_request(tokens.refresh))).status == 200
        client.find("UPDATE refresh_tokens SET used_at = used_at - 100 WHERE used_at IS NOT NULL")
        cluster.kill_gateway(0)
        cluster.redis.kill()
        cluster.postgres.kill()
        cluster.postgres.start()
        cluster.redis.start()
        cluster.start_gateway(0)
        assert (await client.insist(refresh_request(tokens.refresh))).status == 400
        reason = client.find(f"SELECT ended_reason FROM crossfade_families WHERE id = '{tokens.family}'")
        assert reason == "replay"
        client.close()
