"""`config/examples`: each has no fault and can be opened, so that what it says of a framework is understood."""

from pathlib import Path

import pytest

from gateway.settings.load import load_settings
from gateway.settings.schema.sessions import FORMATS
from gateway.wiring.mint import open_mints
from gateway.wiring.policies import upstreams_of
from gateway.wiring.sessions import open_sessions

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "config" / "examples").glob("*.yaml"))
ENVIRON = {
    "APP_CACHE_URL": "redis://127.0.0.1:6379/1",
    "APP_DATABASE_URL": "postgresql://reader@127.0.0.1/app",
    "APP_KEY": "base64:" + "a2tr" * 10 + "a2s=",
    "APP_WRITER_URL": "postgresql://writer@127.0.0.1/app",
    "APP_REDIS_URL": "redis://127.0.0.1:6379/0",
    "DJANGO_SECRET_KEY": "a secret",
    "FLASK_SECRET_KEY": "a secret",
    "SECRET_KEY_BASE": "a secret",
    "SESSION_SECRET": "a secret",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_an_example_has_no_fault_and_can_be_opened(path: Path) -> None:
    settings = load_settings(path, ENVIRON)
    is_mysql = path.stem in {"laravel", "php"}
    environ = ENVIRON | ({"APP_DATABASE_URL": "mysql://reader@127.0.0.1/app"} if is_mysql else {})
    opened = open_sessions(settings, environ, upstreams_of(settings.upstreams))
    mints = open_mints(settings, environ)
    assert list(opened) == ["main"]
    assert list(mints) == ["main"] * (settings.sessions[0].bridge == "mint")
    for mint in mints.values():
        await mint.aclose()
    for store in opened.values():
        await store.close()


def test_each_format_has_an_example() -> None:
    shown = {session.format for path in EXAMPLES for session in load_settings(path, ENVIRON).sessions}
    assert shown == set(FORMATS)


def test_whose_login_form_is_known_has_it_in_its_example() -> None:
    """Django's, Devise's, what Rails 8 generates, Laravel's starter kits', and that of Spring Security."""
    known = {"django", "laravel", "rails", "rails-authentication", "spring"}
    examples = {path.stem: load_settings(path, ENVIRON) for path in EXAMPLES}
    with_login = {name for name, settings in examples.items() if any(one.login for one in settings.sessions)}
    with_client = {
        name for name, settings in examples.items() if any("password" in one.grants for one in settings.clients)
    }
    assert known == with_login == with_client
