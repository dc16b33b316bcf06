"""Every step has a one-command way back, and nobody is signed out by it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.browser import Browser
from tests.e2e.world import World


@pytest.fixture
def own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that one test may break."""
    world = World(tmp_path_factory.mktemp("world"))
    try:
        world.start()
        yield world
    finally:
        world.stop()


def holder_of_both(world: World) -> Browser:
    browser = world.browser()
    browser.log_in()
    assert browser.exchange().status_code == 200
    return browser


def phase_of(world: World) -> str:
    line = next(
        line
        for line in httpx.get(f"{world.admin}/metrics", trust_env=False).text.splitlines()
        if line.startswith("crossfade_migration_phase{") and line.endswith(" 1.0")
    )
    return line.split('"')[1]


def wait_for_phase(world: World, phase: str) -> None:
    import time

    deadline = time.monotonic() + 10
    while phase_of(world) != phase:
        assert time.monotonic() < deadline, f"still {phase_of(world)}"
        time.sleep(0.05)


def test_a_browser_whose_session_rotated_under_its_token_is_still_signed_in_after_off(own_world: World) -> None:
    browser = holder_of_both(own_world)
    assert browser.with_token("GET", "/rotate/", with_cookies=True).status_code == 200
    done = own_world.command("phase", "set", "off", "--reason", "test", "--config", str(own_world.config))
    assert done.returncode == 0, done.stderr
    assert phase_of(own_world) == "off"
    response = browser.with_token("GET", "/api/me", with_cookies=True)
    assert response.json() == {"user": "ada"}
    asked = browser.own("token", {"grant_type": "refresh_token", "client_id": "web"})
    assert (asked.status_code, asked.json()["code"]) == (409, "phase_off")


def test_the_switch_works_with_everything_else_broken(own_world: World) -> None:
    browser = holder_of_both(own_world)
    own_world.gateway.stop()
    (own_world.folder / "crossfade.db").write_bytes(b"not a database")
    (own_world.folder / "crossfade.signing-key.pem").write_text("not a key")
    broken = own_world.config.read_text().replace("sessions:", "sesions: [[[\nroutes: {\nsessions:")
    own_world.config.write_text(broken)
    own_world.start_gateway(ENABLE_JWT_AUTH="false")
    response = browser.with_token("GET", "/api/me", with_cookies=True)
    assert response.json() == {"user": "ada"}
    asked = browser.own("token", {"grant_type": "refresh_token", "client_id": "web"})
    assert (asked.status_code, asked.json()["code"]) == (409, "phase_off")


def test_the_override_file_decides_within_seconds_and_needs_no_restart(own_world: World) -> None:
    browser = holder_of_both(own_world)
    override = own_world.folder / "phase"
    override.write_text("off\n")
    wait_for_phase(own_world, "off")
    assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    assert browser.with_token("GET", "/api/me").status_code == 401
    override.unlink()
    wait_for_phase(own_world, "parallel")
    assert browser.with_token("GET", "/api/me").json() == {"user": "ada"}


def test_a_logout_that_happened_while_tokens_were_off_ends_the_tokens_when_they_come_back(own_world: World) -> None:
    browser = holder_of_both(own_world)
    override = own_world.folder / "phase"
    override.write_text("off")
    wait_for_phase(own_world, "off")
    assert browser.log_out_of_the_application().status_code == 302
    override.unlink()
    wait_for_phase(own_world, "parallel")
    response = browser.with_token("GET", "/api/me")
    assert (response.status_code, response.json()["code"]) == (401, "session_ended")


def test_panic_needs_no_store_and_survives_a_restart(own_world: World) -> None:
    browser = holder_of_both(own_world)
    config = str(own_world.config)
    assert own_world.command("phase", "panic", "--reason", "test", "--config", config).returncode == 0
    assert phase_of(own_world) == "off"
    own_world.gateway.stop()
    own_world.start_gateway()
    assert phase_of(own_world) == "off"
    assert browser.with_token("GET", "/api/me", with_cookies=True).json() == {"user": "ada"}
    assert own_world.command("phase", "set", "parallel", "--reason", "over", "--config", config).returncode == 0
    assert browser.with_token("GET", "/api/me").json() == {"user": "ada"}


def test_rollback_goes_one_step_and_hands_the_session_back(own_world: World) -> None:
    browser = holder_of_both(own_world)
    config = str(own_world.config)
    rehearsal = own_world.command("phase", "rollback", "--dry-run", "--config", config)
    assert rehearsal.returncode == 0, rehearsal.stderr
    assert phase_of(own_world) == "parallel"
    assert own_world.command("phase", "rollback", "--reason", "test", "--config", config).returncode == 0
    assert phase_of(own_world) == "handback"
    token_only = own_world.browser()
    token_only.token = browser.token
    response = token_only.with_token("GET", "/api/me", with_cookies=True)
    assert response.json() == {"user": "ada"}
    assert token_only.cookies["sessionid"] == browser.cookies["sessionid"]
    assert browser.exchange().json()["code"] == "issuing_suspended"


def test_a_restart_keeps_tokens_families_and_the_vault(own_world: World) -> None:
    browser = holder_of_both(own_world)
    own_world.gateway.stop(9)
    own_world.start_gateway()
    assert browser.with_token("GET", "/api/me").json() == {"user": "ada"}
    assert browser.refresh().status_code == 200
