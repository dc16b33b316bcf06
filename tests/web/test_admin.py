"""The admin port: probes and metrics for everybody who reaches it, actions for the local user alone."""

from collections.abc import Mapping

import httpx
import pytest

from gateway.errors import StoreUnavailable
from gateway.facts import Event
from gateway.model import Phase, RevocationKind
from gateway.observe.exposition import Exposition
from gateway.observe.metrics import Metrics
from gateway.web.admin import create_admin_app
from gateway.web.readiness import Dependency, Readiness

REDIS_DOWN = Dependency("redis", is_up=False)
SQLITE_DOWN = Dependency("sqlite", is_up=False, is_required=True)
ALL_UP = (Dependency("redis", is_up=True), Dependency("sqlite", is_up=True, is_required=True))


class State:
    """An admin state that remembers what it was told."""

    def __init__(self) -> None:
        self.ready = Readiness("", ALL_UP)
        self.told: list[object] = []

    def readiness(self) -> Readiness:
        return self.ready

    async def phase(self) -> Mapping[str, object]:
        return {"phase": "parallel", "source": "store"}

    async def set_phase(
        self, phase: Phase, *, by: str, reason: str, rollout: float | None = None
    ) -> Mapping[str, object]:
        if reason == "away":
            raise StoreUnavailable
        self.told.append((phase, by, reason, *([] if rollout is None else [rollout])))
        return {"phase": phase}

    async def advance(self, *, by: str, reason: str, rollout: float | None, is_forced: bool) -> Mapping[str, object]:
        self.told.append(("advance", by, reason, rollout, is_forced))
        return {"has_advanced": is_forced}

    async def pause(self, *, by: str, reason: str, is_paused: bool) -> Mapping[str, object]:
        self.told.append(("pause", by, reason, is_paused))
        return {"is_paused": is_paused}

    async def panic(self, *, by: str, reason: str) -> Mapping[str, object]:
        self.told.append(("panic", by, reason))
        return {"phase": "off"}

    async def roll_back(self, *, by: str, reason: str, is_rehearsal: bool) -> Mapping[str, object]:
        self.told.append(("rollback", by, reason, is_rehearsal))
        return {"signed_out": {"web": 3}}

    async def explain(self, *, subject: str, session_id: str) -> Mapping[str, object]:
        return {"lines": [f"{subject}|{session_id}"]}

    async def revoke(
        self, kind: RevocationKind, name: str, *, by: str, reason: str, is_rehearsal: bool
    ) -> Mapping[str, object]:
        self.told.append((kind, name, by, reason, is_rehearsal))
        return {"revoked": not is_rehearsal, "families": 2}

    async def status(self) -> Mapping[str, object]:
        return {"families": 2}

    async def keys(self) -> Mapping[str, object]:
        return {"active": "k1"}

    async def rotate_keys(self, *, by: str, reason: str, is_emergency: bool) -> Mapping[str, object]:
        self.told.append(("rotate", by, reason, is_emergency))
        return {"active": "k1"}

    async def compromise_key(self, kid: str, *, by: str, reason: str) -> Mapping[str, object]:
        self.told.append(("compromise", kid, by, reason))
        return {"active": "k2"}


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(routes=("/*",))


def client(
    state: State,
    metrics: Metrics | None = None,
    *,
    is_local: bool = True,
    host: str = "127.0.0.1:9901",
) -> httpx.AsyncClient:
    exposition = Exposition(metrics or Metrics(routes=()), version="1")
    app = create_admin_app(state=state, exposition=exposition, allows_actions=is_local, hosts=["admin.internal"])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}")


async def test_live_asks_nobody() -> None:
    answer = await client(None).get("/livez")  # type: ignore[arg-type]
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_a_user_is_explained_on_the_local_socket_alone(state: State) -> None:
    response = await client(state).post("/sessions/explain", json={"subject": "ada"})
    assert response.json() == {"lines": ["ada|"]}
    assert (await client(state).post("/sessions/explain", json={"sid": 1})).status_code == 400
    assert (await client(state, is_local=False).post("/sessions/explain", json={"subject": "ada"})).status_code == 404


@pytest.mark.parametrize(
    ("readiness", "status", "word"),
    [
        (Readiness("", ALL_UP), 200, "ready"),
        (Readiness("", (REDIS_DOWN,)), 200, "degraded"),
        (Readiness("", (REDIS_DOWN, SQLITE_DOWN)), 503, "not_ready"),
        (Readiness("starting"), 503, "not_ready"),
        (Readiness("draining", ALL_UP), 503, "not_ready"),
    ],
)
async def test_ready_follows_the_failure_policy(state: State, readiness: Readiness, status: int, word: str) -> None:
    state.ready = readiness
    answer = await client(state, is_local=False).get("/readyz")
    assert answer.status_code == status
    body = answer.json()
    assert body["status"] == word
    assert body["reason"] == readiness.reason
    assert set(body["dependencies"]) == {dependency.name for dependency in readiness.dependencies}


async def test_a_dependency_is_shown_with_what_it_means(state: State) -> None:
    state.ready = Readiness("", (REDIS_DOWN,))
    body = (await client(state).get("/readyz")).json()
    assert body["dependencies"] == {"redis": {"up": False, "required": False}}


async def test_metrics_are_rendered_as_the_scraper_asks(state: State, metrics: Metrics) -> None:
    metrics.count(Event.EXCHANGED)
    scraper = client(state, metrics, is_local=False)
    plain = await scraper.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'crossfade_events_total{event="exchanged"} 1.0' in plain.text
    modern = await scraper.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9901", 200),
        ("[::1]:9901", 200),
        ("10.0.0.7:9901", 200),
        ("localhost:9901", 200),
        ("Admin.Internal", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:9901", 403),
        ("", 403),
    ],
)
async def test_a_name_that_is_not_on_the_list_is_refused_over_tcp(state: State, host: str, status: int) -> None:
    """CVE-2026-27589, CVE-2026-45692: a page of the web under a name of its own."""
    answer = await client(state, is_local=False).get("/livez", headers={"host": host})
    assert answer.status_code == status


async def test_over_the_local_socket_any_host_will_do(state: State) -> None:
    assert (await client(state, host="whatever").get("/livez")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/phase"),
        ("POST", "/phase"),
        ("POST", "/phase/panic"),
        ("POST", "/phase/rollback"),
        ("POST", "/revoke"),
        ("GET", "/status"),
    ],
)
class TestActions:
    async def test_do_not_exist_over_tcp(self, state: State, method: str, path: str) -> None:
        """CVE-2022-24797: what tells of users, or changes anything, is for the local user alone."""
        answer = await client(state, is_local=False).request(method, path, json={"reason": "x"})
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
        assert state.told == []

    async def test_are_answered_on_the_local_socket(self, state: State, method: str, path: str) -> None:
        answer = await client(state).request(method, path, json={"phase": "off", "kind": "all", "reason": "x"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"


async def test_a_phase_is_set_with_who_and_why(state: State) -> None:
    order = {"phase": "handback", "reason": " going back ", "by": "ada"}
    assert (await client(state).post("/phase", json=order)).json() == {"phase": "handback"}
    assert state.told == [(Phase.HANDBACK, "ada", "going back")]


async def test_a_phase_is_set_for_a_part_of_the_users(state: State) -> None:
    order = {"phase": "parallel", "reason": "slowly", "by": "ada", "rollout": 2.5}
    assert (await client(state).post("/phase", json=order)).status_code == 200
    assert state.told == [(Phase.PARALLEL, "ada", "slowly", 2.5)]
    for rollout in ("25%", True, 101, -1):
        refused = await client(state).post("/phase", json={**order, "rollout": rollout})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")


async def test_a_step_further_is_told_with_its_part_and_whether_it_is_forced(state: State) -> None:
    await client(state).post("/phase/advance", json={"reason": "a week"})
    await client(state).post("/phase/advance", json={"reason": "hurry", "rollout": 50, "force": True, "by": "ada"})
    await client(state).post("/phase/pause", json={"reason": "holidays"})
    await client(state).post("/phase/pause", json={"reason": "over", "paused": False})
    assert state.told == [
        ("advance", "local socket", "a week", None, False),
        ("advance", "ada", "hurry", 50.0, True),
        ("pause", "local socket", "holidays", True),
        ("pause", "local socket", "over", False),
    ]
    assert (await client(state).post("/phase/advance", json={"reason": "x", "force": 1})).status_code == 400


async def test_who_is_the_local_socket_when_nobody_says(state: State) -> None:
    await client(state).post("/phase/panic", json={"reason": "fire"})
    assert state.told == [("panic", "local socket", "fire")]


async def test_a_revocation_can_be_rehearsed_without_a_reason(state: State) -> None:
    rehearsal = await client(state).post("/revoke", json={"kind": "sub", "name": "ada", "dry_run": True})
    assert rehearsal.json() == {"revoked": False, "families": 2}
    await client(state).post("/revoke", json={"kind": "all", "reason": "leak", "by": "ops"})
    assert state.told == [("sub", "ada", "local socket", "", True), ("all", "", "ops", "leak", False)]


async def test_a_rollback_can_be_rehearsed_without_a_reason(state: State) -> None:
    rehearsal = await client(state).post("/phase/rollback", json={"dry_run": True})
    assert rehearsal.json() == {"signed_out": {"web": 3}}
    await client(state).post("/phase/rollback", json={"reason": "broken"})
    assert state.told == [("rollback", "local socket", "", True), ("rollback", "local socket", "broken", False)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/phase", b'{"phase": "sideways", "reason": "x"}'),
        ("/phase", b'{"reason": "x"}'),
        ("/phase", b'{"phase": "off"}'),
        ("/phase", b'{"phase": "off", "reason": "  "}'),
        ("/phase/panic", b'{"reason": 5}'),
        ("/phase/panic", b'{"reason": "' + b"x" * 501 + b'"}'),
        ("/phase/panic", b"[]"),
        ("/phase/panic", b"not json"),
        ("/phase/panic", b""),
        ("/phase/panic", b" " * 20_000),
        ("/phase/rollback", b'{"dry_run": "yes", "reason": "x"}'),
        ("/revoke", b'{"kind": "user", "name": "ada", "reason": "x"}'),
        ("/revoke", b'{"kind": "sub", "reason": "x"}'),
        ("/revoke", b'{"kind": "sub", "name": "", "reason": "x"}'),
        ("/revoke", b'{"kind": "sub", "name": 7, "reason": "x"}'),
        ("/revoke", b'{"kind": "all", "name": "ada", "reason": "x"}'),
        ("/revoke", b'{"kind": "sub", "name": "ada"}'),
        ("/revoke", b'{"kind": "sub", "name": "a\\u0000da", "reason": "x"}'),
        ("/revoke", b'{"kind": "sub", "name": "ada", "reason": "x\\u0000"}'),
        ("/revoke", b'{"kind": "sub", "name": "a\\ud800da", "reason": "x"}'),
        ("/revoke", b'{"kind": "sub", "name": "a\xffda", "reason": "x"}'),
        ("/sessions/explain", b'{"subject": "a\\u0000da"}'),
    ],
)
async def test_an_order_that_cannot_be_read_does_nothing(state: State, path: str, body: bytes) -> None:
    answer = await client(state).post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert state.told == []


async def test_a_store_that_is_away_is_said_so(state: State) -> None:
    answer = await client(state).post("/phase", json={"phase": "off", "reason": "away"})
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert "retry-after" in answer.headers


async def test_an_unknown_address_or_method_is_a_problem_like_all_others(state: State) -> None:
    """GHSA-gx7w-56w6-g48x: an order has one address, to the letter."""
    for answer in (await client(state).get("/nowhere"), await client(state).delete("/livez")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for path in ("/revoke/", "/revoke/0", "/revok", "/x/revoke", "/REVOKE", "/phase/panic/0", "/keys/rotate/..;"):
        answer = await client(state).post(path, json={"kind": "all", "reason": "x", "by": "x"})
        assert (answer.status_code, state.told) == (404, [])


async def test_keys_are_shown_and_changed_by_the_local_user_alone(state: State) -> None:
    local = client(state)
    assert (await local.get("/keys")).json() == {"active": "k1"}
    order = {"reason": "test", "by": "ada"}
    assert (await local.post("/keys/rotate", json=order)).status_code == 200
    assert (await local.post("/keys/rotate", json={**order, "emergency": True})).status_code == 200
    assert (await local.post("/keys/compromise", json={**order, "kid": "k1"})).json() == {"active": "k2"}
    assert state.told == [
        ("rotate", "ada", "test", False),
        ("rotate", "ada", "test", True),
        ("compromise", "k1", "ada", "test"),
    ]
    public = client(state, is_local=False)
    assert [(await public.get("/keys")).status_code, (await public.post("/keys/rotate", json=order)).status_code] == [
        404,
        404,
    ]


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/keys/rotate", {}),
        ("/keys/rotate", {"reason": "x", "emergency": "yes"}),
        ("/keys/compromise", {"reason": "x"}),
        ("/keys/compromise", {"reason": "x", "kid": 7}),
        ("/keys/compromise", {"reason": "x", "kid": "k" * 200}),
        ("/keys/compromise", {"kid": "k1"}),
    ],
)
async def test_an_order_about_keys_that_says_too_little_is_refused(
    state: State, path: str, order: dict[str, object]
) -> None:
    assert (await client(state).post(path, json=order)).status_code == 400
    assert state.told == []
