"""The checks of `doctor` that ask others: the application, Redis, the gateway that runs."""

import time
from pathlib import Path

import pytest

from gateway.cli import network_checks
from gateway.cli.outcome import State
from gateway.facts import Event
from gateway.observe.exposition import Exposition
from gateway.observe.metrics import Metrics
from tests.cli.checking import load, told
from tests.cli.commands import Asked, Said, http_server
from tests.servers import RedisServer, free_port

SECRET = "canary-" + "0123456789abcdef" * 3

# --- the application ---


def test_a_clock_that_differs_is_told(examined: Path) -> None:
    settings = load(examined)
    for offset, sentence in (
        (0, "its clock agrees with ours"),
        (3600, "its clock is 3600 seconds behind ours; synchronise both (NTP)."),
        (-3600, "its clock is 3600 seconds ahead of ours; synchronise both (NTP)."),
    ):
        outcome = told(network_checks.check_upstreams(settings, time.time() + offset))[1]
        assert outcome[0] == "upstreams.app clock"
        assert outcome[2].replace("3599", "3600").replace("3601", "3600") == sentence


def test_without_a_date_nothing_is_said_of_the_clock(examined: Path) -> None:
    with http_server(lambda asked: Said(404, has_date=False)) as address:
        settings = load(examined, f"upstreams: {{ app: {{ url: http://{address} }} }}")
        assert [what for what, _, _ in told(network_checks.check_upstreams(settings, time.time()))] == [
            "upstreams.app",
            "upstreams.app paths",
        ]


def test_addresses_that_the_application_uses_itself_are_told(examined: Path) -> None:
    paths = {"/", "/.crossfade/session", "/.well-known/jwks.json"}
    with http_server(lambda asked: Said(200 if asked.path in paths else 404)) as address:
        settings = load(examined, f"upstreams: {{ app: {{ url: http://{address} }} }}")
        outcomes = told(network_checks.check_upstreams(settings, time.time()))
    assert [sentence for _, state, sentence in outcomes if state == "finding"] == [
        "the application itself answers at /.crossfade/session, which the gateway hides; choose another `prefix`.",
        "the application itself answers at /.well-known/jwks.json, which the gateway hides; set well_known: false.",
    ]


@pytest.mark.parametrize("status", [200, 302, 401])
def test_an_application_that_answers_everything_alike_uses_none_of_them(examined: Path, status: int) -> None:
    with http_server(lambda asked: Said(status)) as address:
        settings = load(examined, f"upstreams: {{ app: {{ url: http://{address} }} }}")
        outcomes = told(network_checks.check_upstreams(settings, time.time()))
    assert {state for _, state, _ in outcomes} == {"ok"}


def test_the_application_is_asked_under_the_public_name(examined: Path) -> None:
    hosts: list[str] = []

    def talk(asked: Asked) -> Said:
        hosts.append(asked.headers["host"])
        return Said(400)

    with http_server(talk) as address:
        preserved = load(examined, f"upstreams: {{ app: {{ url: http://{address} }} }}")
        outcome = told(network_checks.check_upstreams(preserved, time.time()))[0]
        assert set(hosts) == {"localhost:8080"}
        assert outcome[2] == "it refuses the Host localhost:8080 (400); allow that name there."
        hosts.clear()
        own = load(examined, f"upstreams: {{ app: {{ url: http://{address}, host: upstream }} }}")
        told(network_checks.check_upstreams(own, time.time()))
        assert set(hosts) == {address}


def test_an_application_that_stops_answering_is_told(examined: Path) -> None:
    def talk(asked: Asked) -> Said:
        if asked.path != "/":
            raise ConnectionAbortedError
        return Said(200)

    with http_server(talk) as address:
        settings = load(examined, f"upstreams: {{ app: {{ url: http://{address} }} }}")
        assert told(network_checks.check_upstreams(settings, time.time()))[-1] == (
            "upstreams.app",
            "finding",
            "it stopped answering while it was asked for the paths of the gateway.",
        )


def test_certificates_that_cannot_be_read_are_told(examined: Path) -> None:
    settings = load(examined, "upstreams: { app: { url: https://127.0.0.1:1, ca: gateway.yaml } }")
    ((what, state, sentence),) = told(network_checks.check_upstreams(settings, time.time()))
    assert (what, state) == ("upstreams.app.ca", "finding")
    assert sentence == f"the certificates in {examined} cannot be read; they must be PEM."


# --- Redis ---


def test_without_redis_nothing_is_asked(examined: Path) -> None:
    assert told(network_checks.check_redis(load(examined), {})) == []


def test_redis_is_looked_at(examined: Path, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", requirepass=SECRET) as redis:
        settings = load(examined, "stores: { redis: { env: REDIS_URL } }")
        good = f"unix://:{SECRET}@{redis.socket}"
        assert told(network_checks.check_redis(settings, {"REDIS_URL": good})) == [
            ("stores.redis", "ok", "it can be used")
        ]
        ((_, state, sentence),) = told(network_checks.check_redis(settings, {"REDIS_URL": redis.url}))
        assert (state, "NOAUTH" in sentence) == ("unreachable", True)
        redis.tell("AUTH", SECRET)
    ((_, state, sentence),) = told(network_checks.check_redis(settings, {"REDIS_URL": good}))
    assert (state, "cannot be reached" in sentence, SECRET in sentence) == ("unreachable", True, False)
    ((_, state, sentence),) = told(network_checks.check_redis(settings, {}))
    assert (state, "REDIS_URL is not set" in sentence) == ("finding", True)


def test_a_redis_that_forgets_is_told(examined: Path, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", maxmemory="100mb", maxmemory_policy="allkeys-lru") as redis:
        settings = load(examined, f"stores: {{ redis: {{ url: 'unix://{redis.socket}' }} }}")
        ((_, state, sentence),) = told(network_checks.check_redis(settings, {}))
    assert (state, "allkeys-lru" in sentence) == ("finding", True)


def test_a_cluster_is_told(examined: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", is_tcp=True, cluster_enabled="yes")
    while server.port > 55_535:  # the port of the cluster bus is 10,000 above
        server.port = free_port()
    with server as redis:
        settings = load(examined, f"stores: {{ redis: {{ url: '{redis.url}' }} }}")
        ((_, state, sentence),) = told(network_checks.check_redis(settings, {}))
    assert (state, "Redis Cluster" in sentence) == ("finding", True)


def test_a_missing_client_is_told(examined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> list[str]:
        raise ImportError

    monkeypatch.setattr(network_checks, "_examine_redis", fail)
    settings = load(examined, "stores: { redis: { env: REDIS_URL } }")
    assert told(network_checks.check_redis(settings, {}))[0][2] == (
        "the Redis client is not installed: pip install 'crossfade[redis]'."
    )


# --- the gateway that runs ---


def metrics_with(untrusted: int) -> str:
    """What the gateway itself says after so many requests of an unlisted proxy."""
    metrics = Metrics(routes=["/*"])
    for _ in range(untrusted):
        metrics.count(Event.UNTRUSTED_FORWARDED)
    return Exposition(metrics, version="1").render("text/plain")[0].decode()


def test_a_proxy_that_is_not_listed_is_told(examined: Path) -> None:
    with http_server(lambda asked: Said(200, metrics_with(12).encode())) as address:
        settings = load(examined, f"admin: {{ listen: {address} }}")
        metrics = network_checks.find_running(settings)
        outcomes = told(network_checks.check_running(settings, metrics))
        assert outcomes[0] == ("gateway", "ok", f"it runs and answers at {address}")
        assert outcomes[1][:2] == ("trusted_proxies", "finding")
        assert outcomes[1][2].startswith("12 requests came with X-Forwarded-* from a peer that is not listed")
    assert len(told(network_checks.check_running(settings, metrics_with(0)))) == 1


@pytest.mark.parametrize("said", [Said(403), Said(500)])
def test_somebody_else_on_the_port_is_no_gateway(examined: Path, said: Said) -> None:
    with http_server(lambda asked: said) as address:
        assert network_checks.find_running(load(examined, f"metrics: {{ listen: {address} }}")) is None


def test_nobody_on_the_port_is_no_fault(examined: Path) -> None:
    settings = load(examined)
    assert network_checks.find_running(settings) is None
    assert told(network_checks.check_running(settings, None))[0][1] == State.OK
