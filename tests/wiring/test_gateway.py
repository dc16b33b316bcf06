"""The life of the whole gateway: opened as a whole or not at all, and what is in force after a reload."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import ConfigurationError, StoreUnavailable
from gateway.model import Phase
from gateway.settings.load import load_settings
from gateway.settings.schema import Settings
from gateway.wiring import gateway as gateway_module
from gateway.wiring.administration import Administration
from gateway.wiring.gateway import Gateway
from gateway.wiring.overrides import keep_mark
from tests.keys.material import key_file, pem_of
from tests.stores.samples import NOW, family, first_token

BASE = """\
public_url: https://www.example.com
upstreams: { app: { url: http://127.0.0.1:9 } }
stores: { embedded: { file: run/crossfade.db, single_instance: true } }
"""


def read(folder: Path, more: str = "", base: str = BASE) -> Settings:
    path = folder / "gateway.yaml"
    path.write_text(base + more)
    return load_settings(path, {})


async def test_what_was_opened_is_closed_when_the_rest_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is for one process: a second attempt only works if the first one let go of it."""
    settings = read(tmp_path)
    with monkeypatch.context() as patch:

        def refuse(*_: object, **__: object) -> None:
            raise ConfigurationError("no")

        patch.setattr(gateway_module, "create_token_app", refuse)
        with pytest.raises(ConfigurationError, match="no"):
            await Gateway.open(settings, {})
    gateway = await Gateway.open(settings, {})
    await gateway.aclose()


async def test_what_fails_to_close_does_not_keep_the_rest_open(tmp_path: Path) -> None:
    settings = read(tmp_path)
    gateway = await Gateway.open(settings, {})
    await gateway.start()

    async def fail() -> None:
        raise RuntimeError("stuck")

    gateway._opened.push_async_callback(fail)
    with pytest.raises(RuntimeError, match="stuck"):
        await gateway.aclose()
    again = await Gateway.open(settings, {})
    await again.aclose()


async def test_what_expired_is_deleted_a_thousand_rows_a_second_until_nothing_is_left(tmp_path: Path) -> None:
    gateway = await Gateway.open(read(tmp_path), {})
    await gateway.start()
    try:
        families, now = gateway.stores.families, 2_000_000.0
        for number in range(1100):
            owner = family(f"f{number}", session_hash=b"")
            await families.open_family(owner, first_token(owner.id), None, cap=1, now=NOW)
        rows = []
        for second in range(12):
            await gateway.tick(now + second)
            left, _ = await gateway.stores.durable.history.of(subject="ada", family_id="", limit=5000)
            rows.append(len(left))
        assert rows[:3] == [1100, 200, 0]  # tokens first, then the families without one
        assert set(rows[3:]) == {0}
    finally:
        await gateway.aclose()


async def test_a_reload_takes_routes_and_keys_and_says_what_needs_a_restart(tmp_path: Path) -> None:
    key_file(tmp_path / "old.pem", pem_of("RS256"))
    key_file(tmp_path / "new.pem", pem_of("ES256"))
    gateway = await Gateway.open(read(tmp_path, "keys: [{ file: old.pem }]\n"), {})
    try:
        await gateway.start()
        changed = read(
            tmp_path,
            "keys: [{ file: new.pem }, { file: old.pem }]\ntokens: { algorithm: ES256, access: 5m }\n"
            "routes: [{ path: /a, auth: required }, { path: /*, auth: optional }]\n",
        )
        assert gateway.reload(changed) == ["tokens"]
        assert gateway.keys.active.algorithm == "RS256"  # until the other one was published for long enough
        assert sorted(key.algorithm for key in gateway.keys.verification_keys.values()) == ["ES256", "RS256"]
        assert gateway.flow.routes.match(b"/a").rule.auth == "required"
        assert gateway.settings.tokens.access == 3600.0  # still in force
        assert gateway.settings.routes == changed.routes
        assert gateway.reload(changed) == ["tokens"]  # as long as it was not restarted
    finally:
        await gateway.aclose()


async def test_a_route_to_an_application_that_was_not_started_is_refused(tmp_path: Path) -> None:
    gateway = await Gateway.open(read(tmp_path), {})
    try:
        before = gateway.flow.routes
        two = BASE.replace("upstreams: { app:", "upstreams: { shop: { url: http://127.0.0.1:8 }, app:")
        changed = read(tmp_path, "routes: [{ path: /s, upstream: shop }]\n", two)
        with pytest.raises(ConfigurationError, match="/s leads to shop, which needs a restart"):
            gateway.reload(changed)
        assert gateway.flow.routes is before
    finally:
        await gateway.aclose()


async def test_a_database_that_went_away_is_shown_and_does_not_end_the_readiness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await Gateway.open(read(tmp_path), {})
    state = Administration(gateway)
    try:
        await gateway.start()
        seen = [(one.name, one.is_up) for one in state.readiness().dependencies]

        async def away(_self: object) -> Phase | None:
            raise StoreUnavailable

        monkeypatch.setattr(type(gateway.stores.phase), "read", away)
        await gateway.tick(gateway.now())
        readiness = state.readiness()
        assert seen == [("store", True)]
        assert [(one.name, one.is_up) for one in readiness.dependencies] == [("store", False)]
        assert (readiness.is_ready, readiness.is_degraded, readiness.reason) == (True, True, "")
    finally:
        await gateway.aclose()


async def test_a_store_that_is_silent_holds_up_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that waits delays no other part of its round, and a glance waits for nothing."""
    gateway = await Gateway.open(read(tmp_path), {})
    await gateway.start()
    rested, looks, finished = asyncio.Event(), [], asyncio.Event()

    async def silent(_self: object) -> Phase | None:
        await rested.wait()
        raise StoreUnavailable

    async def finish(_now: float) -> None:
        finished.set()

    monkeypatch.setattr(type(gateway.stores.phase), "read", silent)
    monkeypatch.setattr(gateway.watch, "finish", finish)
    monkeypatch.setattr(gateway.issuers, "look", lambda: looks.append("issuers"))
    tick = asyncio.create_task(gateway.tick(gateway.now()))
    try:
        await asyncio.wait_for(finished.wait(), 5)
        gateway.control.is_store_up = False
        gateway.glance(gateway.now())
        assert not tick.done()
        assert looks == ["issuers"]
        assert not gateway.gauges.are_up["store"]
    finally:
        rested.set()
        await tick
        await gateway.aclose()


async def test_a_panic_tells_who_and_why(tmp_path: Path) -> None:
    gateway = await Gateway.open(read(tmp_path), {})
    try:
        await gateway.start()
        with capture_logs() as lines:
            told = await Administration(gateway).panic(by="ops", reason="fire")
        assert (told["phase"], told["decided_by"]) == ("off", "panic")
        assert {"by": "ops", "reason": "fire"}.items() <= lines[0].items()
        (change,) = await gateway.stores.phase.history(5)
        assert {"phase": "off", "by": "ops", "reason": "fire"}.items() <= change.items()
    finally:
        await gateway.aclose()


def test_a_mark_that_cannot_be_removed_is_logged(tmp_path: Path) -> None:
    mark = tmp_path / "phase.panic"
    mark.mkdir()
    with capture_logs() as lines:
        keep_mark(mark, is_pulled=False)
    assert [line["event"] for line in lines] == ["the mark of a panic cannot be kept"]


async def test_opening_waits_for_nothing(tmp_path: Path) -> None:
    """A Redis that cannot be reached is tried in the background."""
    gateway = await asyncio.wait_for(
        Gateway.open(
            read(tmp_path, "", BASE.replace("stores: {", "stores: { redis: { url: 'redis://127.0.0.1:1' },")), {}
        ),
        5,
    )
    await gateway.aclose()


async def test_how_many_clients_may_be_connected_is_configured(tmp_path: Path) -> None:
    gateway = await Gateway.open(read(tmp_path, "limits: { connections: 7 }\n"), {})
    assert gateway.policy.connections == 7
    await gateway.aclose()
