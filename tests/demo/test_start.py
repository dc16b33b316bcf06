"""How the demo starts: once set up it stays as it is, and its secret stays a secret."""

import time
from pathlib import Path

from gateway.codec import UserMapping
from gateway.formats.django import Binding
from gateway.legacy.django import DjangoDatabase
from gateway.model import Anonymous, LegacySession, SessionCookie
from gateway.stores.sessions import CodecSessions
from gateway.stores.sessions_sqlite import SQLitePlace
from gateway.stores.sessions_stale import StaleCodecGuard
from tests.demo.running import DIRECTORY, UVICORN, Demo, log_in, manage, run

PREPARE = "from demo.environment import prepare_environment as prepare; prepare(); import os"


def test_setup_may_be_repeated_and_changes_nothing(tmp_path: Path) -> None:
    assert "ada" in manage(tmp_path, "setup")
    program = f"""{PREPARE}, django; django.setup()
from django.contrib.auth import authenticate, models
from django.core.management import call_command
user = models.User.objects.get()
user.set_password("changed")
user.save()
call_command("setup")
print(authenticate(username="ada", password="changed"))"""
    assert run(tmp_path, program).stdout == "ada\n"


def test_no_change_of_a_model_waits_for_a_migration(tmp_path: Path) -> None:
    assert "No changes" in manage(tmp_path, "makemigrations", "--check")


def test_the_secret_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    show = f"{PREPARE}; print(os.environ['DJANGO_SECRET_KEY'])"
    secret = run(tmp_path, show).stdout
    file = tmp_path / "django-secret-key"
    assert len(secret) > 50
    assert file.read_text() == secret.strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert run(tmp_path, show).stdout == secret


def test_a_secret_that_is_given_is_used_and_not_kept(tmp_path: Path) -> None:
    show = f"{PREPARE}; from demo import settings; print(settings.SECRET_KEY)"
    assert run(tmp_path, show, DJANGO_SECRET_KEY="given").stdout == "given\n"
    assert not (tmp_path / "django-secret-key").exists()


def test_without_a_secret_the_settings_say_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "import demo.asgi")
    assert done.returncode != 0
    assert "Set DJANGO_SECRET_KEY" in done.stderr


def test_plain_uvicorn_serves_it_too(tmp_path: Path) -> None:
    variables = {"DJANGO_SECRET_KEY": "given"}
    manage(tmp_path, "setup", **variables)
    demo = Demo(tmp_path, UVICORN, **variables)
    with demo.signed_in() as browser:
        assert browser.get("/api/me").json() == {"user": "ada"}
    assert demo.stop() in (0, -15)


async def test_the_gateway_reads_its_sessions(demo: Demo) -> None:
    secret = demo.database.with_name("django-secret-key").read_bytes()
    codec = DjangoDatabase(UserMapping("main", "_auth_user_id"), (secret,), binding=Binding())
    sessions = CodecSessions(codec, SQLitePlace(demo.database), StaleCodecGuard())

    async def resolve(key: str) -> object:
        return await sessions.resolve(SessionCookie("main", ((b"sessionid", key.encode()),)), time.time())

    with demo.browser() as browser:
        log_in(browser)
        key = browser.cookies["sessionid"]
        session = await resolve(key)
        assert isinstance(session, LegacySession)
        assert (session.subject, session.is_bound) == ("1", True)
        browser.get("/rotate/")
        assert await resolve(key) == Anonymous("gone")
        assert isinstance(await resolve(browser.cookies["sessionid"]), LegacySession)
    await sessions.close()


def test_it_knows_nothing_of_the_gateway() -> None:
    """It stands for the application that must not change."""
    files = [path for path in DIRECTORY.rglob("*") if path.suffix in {".py", ".html", ".js"}]
    assert len(files) > 10
    assert [path for path in files if "gateway" in path.read_text() or "crossfade" in path.read_text().lower()] == []
