"""Two gateways over one PostgreSQL and one Redis, in either mode: a revocation by one holds at the other, and ends what
is open there; whichever server is away, tokens go on; without both, nobody is told that a token is bad."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from tests.e2e.browser import Browser
from tests.e2e.pair import Pair, running_pair, wait_for
from tests.servers import RedisServer, running_redis

MODES = ["strict", "mirror"]
STALENESS = 3.0


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis"), is_tcp=True) as server:
        yield server


@pytest.fixture(scope="module", params=MODES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis: RedisServer
) -> Iterator[Pair]:
    redis.tell("FLUSHALL")
    extra = f"revocation: {{ mode: {request.param}, max_staleness: {STALENESS:.0f}s }}"
    with running_pair(tmp_path_factory.mktemp, redis=redis.url, extra=extra) as pair:
        yield pair


def log_out(browser: Browser) -> None:
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200


def code(pair: Pair, browser: Browser) -> str:
    """The problem that the other gateway answers the token with; empty where it serves it.

    Until it knows of a logout, it asks the application, whose own refusal has no code.
    """
    response = httpx.get(
        f"{pair.other.base}/api/me", headers={"Authorization": f"Bearer {browser.token}"}, trust_env=False
    )
    return "" if response.status_code == 200 else str(response.json().get("code", "refused by the application"))


def test_a_logout_at_one_is_a_logout_at_the_other(pair: Pair) -> None:
    browser = pair.signed_in()
    assert code(pair, browser) == ""
    log_out(browser)
    wait_for(lambda: code(pair, browser) == "invalid_token", within=3.0)


async def test_a_logout_at_one_ends_what_is_open_at_the_other(pair: Pair) -> None:
    browser = await asyncio.to_thread(pair.signed_in)
    address = f"ws://localhost:{pair.other.port}/ws/echo"
    headers = {"Authorization": f"Bearer {browser.token}"}
    async with connect(address, additional_headers=headers, origin=Origin(pair.one.base), proxy=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        await asyncio.to_thread(log_out, browser)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(3.0):
                await socket.recv()


def test_a_revoked_user_has_to_log_in_again_before_there_are_new_tokens(pair: Pair) -> None:
    thief = pair.signed_in()
    who = json.loads(base64.urlsafe_b64decode(thief.token.split(".")[1] + "=="))["sub"]
    options = ("--subject", who, "-c", str(pair.one.config))
    assert "would end" in pair.one.command("revoke", *options, "--dry-run").stdout
    assert code(pair, thief) == ""
    done = pair.one.command("revoke", *options, "--reason", "laptop stolen")
    assert done.stdout.startswith("revoked; "), done.stderr
    wait_for(lambda: code(pair, thief) == "invalid_token", within=3.0)
    assert thief.get("/api/me").json() == {"user": "ada"}  # the session itself is the application's to end
    refused = thief.exchange()
    assert (refused.status_code, refused.json()["code"]) == (409, "session_unverifiable")
    assert code(pair, pair.signed_in()) == ""
    assert thief.exchange().status_code == 409


def test_while_the_database_is_away_tokens_go_on(pair: Pair) -> None:
    """For longer than the copy in the process is good by itself."""
    browser, ended = pair.signed_in(), pair.signed_in()
    assert code(pair, browser) == code(pair, ended) == ""
    log_out(ended)
    pair.postgres.kill()
    try:
        until = time.monotonic() + STALENESS + 1.5
        while time.monotonic() < until:
            assert code(pair, browser) == ""
            assert code(pair, ended) == "invalid_token"
            time.sleep(0.05)
        assert browser.refresh().status_code == 503
        readiness = httpx.get(f"{pair.other.admin}/readyz", trust_env=False).json()
        assert readiness["status"] == "degraded"
        assert not readiness["dependencies"]["store"]["up"]
    finally:
        pair.postgres.start()
    wait_for(lambda: browser.refresh().status_code == 200)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_while_redis_is_away_what_one_revokes_the_other_refuses_within_a_second(
    pair: Pair, redis: RedisServer, fault: str
) -> None:
    browser, ended = pair.signed_in(), pair.signed_in()
    redis.freeze() if fault == "frozen" else redis.kill()
    try:
        assert code(pair, browser) == code(pair, ended) == ""
        log_out(ended)
        began = time.monotonic()
        wait_for(lambda: code(pair, ended) == "invalid_token", within=3.0)
        assert time.monotonic() - began < 2.0  # a second, and what a busy machine adds
        for _ in range(20):
            assert code(pair, browser) == ""
    finally:
        redis.thaw() if fault == "frozen" else redis.restart()


def test_with_both_away_the_answer_is_503_and_never_that_a_token_is_bad(pair: Pair, redis: RedisServer) -> None:
    browser = pair.signed_in()
    assert code(pair, browser) == ""
    pair.postgres.kill()
    redis.kill()
    try:
        wait_for(lambda: code(pair, browser) in {"revocation_unavailable", "vault_unavailable"})
        wait_for(lambda: code(pair, browser) == "revocation_unavailable")
    finally:
        redis.start()
        pair.postgres.start()
    wait_for(lambda: code(pair, browser) == "")
