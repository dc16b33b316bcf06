"""Keys of other issuers come in the background, from a server that may be down, slow, wrong or hostile."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.core.verify import ACCESS_TOKEN
from gateway.errors import IssuerUnavailable
from gateway.keys.remote import RemoteIssuer, RemoteIssuers, RemotePolicy
from gateway.records import RemoteTrust
from tests.keys.issuer import Issuer, key_set, response, serving

TRUST = RemoteTrust("corp", "https://login.example.com", "app", 30, ACCESS_TOKEN)
GOOD = response(key_set(k1="ES256"))


class World:
    """A raw server and the keys that are fetched from it; `now` is moved by hand."""

    def __init__(self, server: Issuer) -> None:
        self.server = server
        self.now = 1000.0
        self.failures = 0
        policy = RemotePolicy(TRUST, server.url, ("ES256", "RS256"), timeout=1.0, keep=3600.0)
        self.keys = RemoteIssuer(policy, httpx.AsyncClient(trust_env=False), self._fail)

    def _fail(self) -> None:
        self.failures += 1

    async def look(self, after: float = 0.0) -> None:
        """One second of the gateway, and what it began, to its end."""
        self.now += after
        self.keys.look(self.now)
        await self.keys.wait()

    def kids(self) -> set[str]:
        return set(self.keys.trust(self.now).keys)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with serving(Issuer(GOOD)) as server:
        world = World(server)
        try:
            yield world
        finally:
            await world.keys.aclose()


async def test_keys_are_fetched_once_and_again_after_a_while(world: World) -> None:
    with pytest.raises(IssuerUnavailable):
        world.kids()
    await world.look()
    assert (world.kids(), world.server.asked) == ({"k1"}, 1)
    await world.look(after=299)
    assert world.server.asked == 1
    await world.look(after=1)
    assert world.server.asked == 2


async def test_fault_k3_a_rotated_key_is_found_after_the_first_token_that_names_it(world: World) -> None:
    """Fault K3: rotated: at most one fetch in the cool-down, and the old stamp is worth nothing then."""
    await world.look()
    stamp = world.keys.trust(world.now).stamp
    world.server.says = response(key_set(k2="ES256 b"))
    world.keys.miss("k2")
    await world.look(after=1)
    assert world.kids() == {"k1"}  # within the cool-down
    await world.look(after=29)
    assert world.kids() == {"k2"}
    assert world.keys.trust(world.now).stamp > stamp


async def test_k7_a_flood_of_made_up_key_ids_costs_one_fetch_in_a_cool_down(world: World) -> None:
    """K7: an unknown `kid` waits for nothing and asks nobody; thousands ask as often as one."""
    await world.look()
    for second in range(60):
        for number in range(200):
            world.keys.miss(f"made up {second} {number}")
        await world.look(after=1)
    assert world.server.asked == 1 + 2


async def test_k7_a_key_id_that_stayed_unknown_asks_for_nothing_again(world: World) -> None:
    """K7: the negative cache."""
    await world.look()
    world.keys.miss("made up")
    await world.look(after=30)
    asked = world.server.asked
    for _ in range(5):
        world.keys.miss("made up")
        await world.look(after=31)
    assert world.server.asked == asked


async def test_a_slow_fetch_is_not_begun_twice(world: World) -> None:
    """CVE-2025-64527, CVE-2024-45809: tokens come while keys are fetched."""
    world.server.is_silent = True
    for second in range(5):
        world.keys.look(world.now + second * 31)
        await asyncio.sleep(0)
    await world.keys.wait()
    assert world.server.asked == 1


BAD = {
    "silence": Issuer(is_silent=True),
    "HTML": Issuer(response(b"<html>Sign in</html>")),
    "an empty answer": Issuer(response(b"")),
    "no answer": Issuer(b""),
    "no HTTP": Issuer(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a redirect": Issuer(response(b"", status="302 Found", fields="Location: http://127.0.0.1:1/\r\n")),
    "a redirect with keys": Issuer(response(key_set(k9="ES256"), status="301 Moved", fields="Location: /keys\r\n")),
    "an error with keys": Issuer(response(key_set(k9="ES256"), status="500 Oops")),
    "half of the keys": Issuer(GOOD[:-20]),
    "a compressed answer": Issuer(response(key_set(k9="ES256"), fields="Content-Encoding: gzip\r\n")),
    "one name twice": Issuer(response(key_set(k9="ES256").replace(b"]", b", " + key_set(k9="ES256 b")[9:-2] + b"]"))),
    "a field without end": Issuer(b"HTTP/1.1 200 OK\r\nX: ", trickle=b"a" * 65536),
    "a gigabyte": Issuer(b"HTTP/1.1 200 OK\r\n\r\n", trickle=b" " * 65536),
    "a gigabyte that is announced": Issuer(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", trickle=b" " * 65536
    ),
    "chunks without end": Issuer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", trickle=b"1\r\n \r\n" * 999),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
async def test_fault_k3_whatever_is_wrong_with_the_answer_the_keys_of_before_stay(world: World, bad: Issuer) -> None:
    """Fault K3: down, slow, a gigabyte, HTML, a redirect, one name twice: stale keys go on, up to their bound.

    CVE-2026-26998: an answer without end is not read to its end.
    """
    await world.look()
    world.server.says, world.server.trickle, world.server.is_silent = bad.says, bad.trickle, bad.is_silent
    await world.look(after=300)
    assert (world.kids(), world.failures) == ({"k1"}, 1)
    assert world.keys.fault
    assert world.server.sent < 8 * 2**20  # what the buffers of both sides hold
    world.server.says, world.server.trickle, world.server.is_silent = response(key_set(k2="ES256 b")), b"", False
    await world.look(after=30)
    assert (world.kids(), world.keys.fault) == ({"k2"}, "")


async def test_fault_k3_keys_that_are_too_old_are_an_outage_and_not_a_refusal(world: World) -> None:
    """Fault K3: stale-if-error has a bound; beyond it nobody can say, which is a 503."""
    await world.look()
    world.server.says = b""
    await world.look(after=3599)
    assert world.kids() == {"k1"}
    await world.look(after=1)
    with pytest.raises(IssuerUnavailable):
        world.kids()
    assert not world.keys.is_usable(world.now)


async def test_fault_k3_an_issuer_that_is_down_is_asked_again_after_the_cool_down_and_no_sooner(world: World) -> None:
    """Fault K3: down, with keys and before there were any."""
    world.server.says = b""
    for _ in range(20):
        await world.look(after=1)
    assert world.server.asked == 4  # each five seconds: nobody can be let in
    world.server.says = GOOD
    await world.look(after=5)
    world.server.says, world.server.asked = b"", 0
    await world.look(after=300)
    for _ in range(59):
        await world.look(after=1)
    assert world.server.asked == 2


async def test_an_issuer_that_is_slow_does_not_hold_up_the_start(world: World) -> None:
    world.server.is_silent = True
    issuers = RemoteIssuers({TRUST.issuer: world.keys}, lambda: world.now)
    async with asyncio.timeout(5):
        await issuers.start(patience=0.01)
        assert issuers.states() == {"corp": False}
        with pytest.raises(IssuerUnavailable):
            issuers.trust(TRUST.issuer)
        issuers.miss(TRUST.issuer, "k1")
        await issuers.aclose()


async def test_several_issuers_are_kept_apart() -> None:
    """CVE-2026-33496: what one issuer vouches for counts for no other."""
    async with serving(Issuer(GOOD)) as one, serving(Issuer(response(key_set(k2="RS256")))) as two:
        worlds = {"https://one": World(one), "https://two": World(two)}
        issuers = RemoteIssuers({name: world.keys for name, world in worlds.items()}, lambda: 1000.0)
        await issuers.start(patience=5)
        assert {name: set(issuers.trust(name).keys) for name in worlds} == {
            "https://one": {"k1"},
            "https://two": {"k2"},
        }
        await issuers.aclose()
