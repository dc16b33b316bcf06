"""`crossfade migrate`, and a gateway that refuses to start without the tables."""

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from gateway.cli import network_checks
from gateway.stores.postgres_migrations import read_migration
from tests.cli.checking import load, told
from tests.cli.commands import MINIMAL, crossfade, start
from tests.cli.test_processes import answers, ending, wait_until
from tests.servers import free_port
from tests.servers_postgres import PostgresServer

SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
FAMILY = "INSERT INTO crossfade_families VALUES ('f', 's', 'web', 'main', '', '{}', 1, 0, 9e9, 9e9)"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
def config(tmp_path: Path, server: PostgresServer) -> Path:
    """A configuration for a database without a table."""
    server.psql("DROP SCHEMA public CASCADE")
    server.psql("CREATE SCHEMA public")
    (tmp_path / "gateway.yaml").write_text(
        MINIMAL
        + "keys: [{ file: key.pem }]\n"
        + "stores: { postgres: { env: DSN }, secret: { env: MASTER } }\n"
        + f"listen: 127.0.0.1:{free_port()}\n"
        + f"admin: {{ listen: 127.0.0.1:{free_port()} }}\n"
    )
    return tmp_path / "gateway.yaml"


@pytest.fixture
def environ(server: PostgresServer) -> Mapping[str, str]:
    return {"DSN": server.url, "MASTER": SECRET}


def test_the_tables_come_and_go(config: Path, environ: Mapping[str, str]) -> None:
    ended = crossfade("migrate", "status", "-c", config, env=environ)
    assert (ended.code, ended.out) == (1, "no tables; version 2 is needed: crossfade migrate up\n")
    for _ in range(2):
        ended = crossfade("migrate", "up", "-c", config, env=environ)
        assert (ended.code, ended.out) == (0, "version 2: this gateway can work with it\n")
    assert crossfade("migrate", "status", "-c", config, env=environ).code == 0
    assert crossfade("migrate", "wait", "--timeout", 0, "-c", config, env=environ).code == 0
    for _ in range(2):
        assert crossfade("migrate", "down", "-c", config, env=environ).code == 0
    ended = crossfade("migrate", "wait", "--timeout", 0, "-c", config, env=environ)
    assert (ended.code, "crossfade migrate up" in ended.err) == (69, True)


def test_an_older_version_is_told(config: Path, environ: Mapping[str, str], server: PostgresServer) -> None:
    crossfade("migrate", "up", "-c", config, env=environ)
    server.psql("UPDATE crossfade_schema SET version = 1, works_with = 1")
    ended = crossfade("migrate", "status", "-c", config, env=environ)
    assert (ended.code, ended.out) == (1, "version 1: this gateway needs version 2\n")


def test_tokens_in_use_are_not_ended_by_the_way(
    config: Path, environ: Mapping[str, str], server: PostgresServer
) -> None:
    crossfade("migrate", "up", "-c", config, env=environ)
    server.psql(FAMILY)
    ended = crossfade("migrate", "down", "-c", config, env=environ)
    assert (ended.code, ended.err) == (
        1,
        "1 family of tokens is in use; nothing was deleted. Add --yes to end them.\n",
    )
    assert server.psql("SELECT count(*) FROM crossfade_families") == "1"
    assert crossfade("migrate", "down", "--yes", "-c", config, env=environ).code == 0
    assert server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


def test_without_postgres_there_is_nothing_to_migrate(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(MINIMAL)
    ended = crossfade("migrate", "up", "-c", tmp_path / "gateway.yaml")
    assert (ended.code, "nothing to migrate" in ended.err) == (78, True)


def test_an_address_that_is_missing_or_wrong_is_told(config: Path) -> None:
    ended = crossfade("migrate", "up", "-c", config, env={"DSN": None})
    assert (ended.code, "DSN is not set" in ended.err) == (78, True)
    ended = crossfade("migrate", "up", "-c", config, env={"DSN": "postgresql://u:hunter2@127.0.0.1:1/d"})
    assert (ended.code, "cannot be reached" in ended.err, "hunter2" in ended.err) == (69, True, False)


def test_doctor_looks_at_the_database(config: Path, environ: Mapping[str, str], server: PostgresServer) -> None:
    settings = load(config)
    ((_, state, sentence),) = told(network_checks.check_postgres(settings, environ))
    assert (state, "crossfade migrate up" in sentence) == ("finding", True)
    server.psql(read_migration("002_add_refresh_tokens.sql"))
    assert told(network_checks.check_postgres(settings, environ)) == [("stores.postgres", "ok", "it can be used")]
    away = {**environ, "DSN": "postgresql://127.0.0.1:1/d"}
    ((_, state, sentence),) = told(network_checks.check_postgres(settings, away))
    assert (state, "cannot be reached" in sentence) == ("unreachable", True)


def test_doctor_counts_the_connections_of_all_processes(
    config: Path, environ: Mapping[str, str], server: PostgresServer
) -> None:
    server.psql(read_migration("002_add_refresh_tokens.sql"))
    config.write_text(f"{config.read_text()}workers: 200\n")
    _, (what, state, sentence) = told(network_checks.check_postgres(load(config), environ))
    assert (what, state) == ("stores.postgres connections", "finding")
    assert "201 processes may open 2010" in sentence


def test_doctor_tells_of_a_clock_that_is_off(
    config: Path, environ: Mapping[str, str], server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(config)
    server.psql(read_migration("002_add_refresh_tokens.sql"))
    monkeypatch.setattr("gateway.cli.network_checks.time.time", lambda: 1_000_000.0)
    _, (what, state, sentence) = told(network_checks.check_postgres(settings, environ))
    assert (what, state, "ahead of ours" in sentence) == ("stores.postgres clock", "finding", True)


def test_a_gateway_does_not_start_without_the_tables_and_never_makes_them(
    config: Path, environ: Mapping[str, str], server: PostgresServer
) -> None:
    key = crossfade("keys", "generate", "--output", config.parent / "key.pem")
    assert key.code == 0, key.err
    with ending(start("run", "-c", config, env=environ)) as process:
        _, error = process.communicate(timeout=30)
    assert process.returncode == 78
    assert "Run: crossfade migrate up" in error
    assert server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    crossfade("migrate", "up", "-c", config, env=environ)
    admin = config.read_text().rpartition("127.0.0.1:")[2].partition(" ")[0]
    with ending(start("run", "-c", config, env=environ)) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{admin}/readyz"), process)
        with contextlib.suppress(httpx.HTTPError):
            assert httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).json()["status"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_package_that_is_missing_is_named(
    config: Path, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    ended = crossfade("migrate", "status", "-c", config, env=environ)
    assert (ended.code, "pip install 'crossfade[postgres]'" in ended.err) == (78, True)
