"""What happened lately is known by this process, or by all gateways where there is a Redis."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.core.rates import Charge, Rate
from gateway.errors import NonceDemanded, PossessionUnproved, ProofRefused
from gateway.facts import Nothing
from gateway.model import RequestHead
from gateway.settings.load import load_settings
from gateway.settings.schema import Settings
from gateway.stores.rates_memory import MemoryRateLimiter
from gateway.stores.rates_redis import RedisRateLimiter
from gateway.wiring.policies import rate_policy_of
from gateway.wiring.recent import open_limiter, open_possession
from tests.core.proving import Prover
from tests.servers import running_redis

BASE = """\
public_url: https://www.example.com
upstreams: { app: { url: http://127.0.0.1:9 } }
"""
NOW = 1_800_000_000.0
KEY = Prover()


def read(folder: Path, more: str = "") -> Settings:
    path = folder / "gateway.yaml"
    path.write_text(BASE + more)
    return load_settings(path, {})


def token_request(proof: str) -> RequestHead:
    return RequestHead(b"POST", b"/.crossfade/token", 1, [(b"dpop", proof.encode())], b"www.example.com")


def test_the_limits_are_those_of_the_configuration(tmp_path: Path) -> None:
    policy = rate_policy_of(read(tmp_path, "rates: { family: 5/10s, account: off, address: 1000/1h }\n"))
    assert (policy.session, policy.family, policy.account) == (Rate(120, 60.0), Rate(5, 10.0), None)
    assert policy.address == Rate(1000, 3600.0)


async def test_without_redis_the_process_counts_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        assert isinstance(open_limiter(read(tmp_path), {}, opened), MemoryRateLimiter)


async def test_with_redis_all_count_together_and_know_the_same_proofs(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis:
        settings = read(tmp_path, f"dpop: {{ enabled: true }}\nstores: {{ redis: {{ url: '{redis.url}' }} }}\n")
        async with AsyncExitStack() as opened:
            one, two = (open_limiter(settings, {}, opened) for _ in range(2))
            assert isinstance(one, RedisRateLimiter)
            once = [Charge("family:a", Rate(1, 3600.0))]
            assert await one.take(once, NOW) == 0.0
            assert await two.take(once, NOW) > 0.0
            mine, other = (open_possession(settings, {}, Nothing(), opened) for _ in range(2))
            proof = KEY.proof("POST", "https://www.example.com/.crossfade/token", NOW)
            assert await mine.find_key(token_request(proof), NOW) == KEY.thumbprint
            with pytest.raises(ProofRefused):
                await other.find_key(token_request(proof), NOW)


async def test_a_nonce_is_asked_for_where_that_is_switched_on(tmp_path: Path) -> None:
    settings = read(tmp_path, "dpop: { enabled: true, nonce: true }\n")
    async with AsyncExitStack() as opened:
        possession = open_possession(settings, {}, Nothing(), opened, b"k" * 32)
        proof = KEY.proof("POST", "https://www.example.com/.crossfade/token", NOW)
        with pytest.raises(NonceDemanded):
            await possession.find_key(token_request(proof), NOW)


async def test_proofs_are_read_only_where_that_is_switched_on(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        off = open_possession(read(tmp_path), {}, Nothing(), opened)
        assert not off.is_offered
        assert await off.find_key(token_request("junk"), NOW) == ""
        with pytest.raises(PossessionUnproved):
            await off.ensure(token_request("junk"), KEY.thumbprint, NOW)
        on = open_possession(read(tmp_path, "dpop: { enabled: true, max_age: 5s }\n"), {}, Nothing(), opened)
        assert on.is_offered
        proof = KEY.proof("POST", "https://www.example.com/.crossfade/token", NOW - 4)
        assert await on.find_key(token_request(proof), NOW) == KEY.thumbprint
        late = KEY.proof("POST", "https://www.example.com/.crossfade/token", NOW - 5)
        with pytest.raises(ProofRefused):
            await on.find_key(token_request(late), NOW)
