"""`crossfade demo`: the demo application and the gateway in front of it, as two child processes."""

import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import httpx

from gateway.cli.admin import tcp_address
from gateway.cli.children import Children, Stopped, signals_as_exceptions
from gateway.cli.configuration import config_option, load
from gateway.errors import ConfigurationError
from gateway.keys.private_files import create_private_file
from gateway.settings.schema import DjangoSession, Settings

_PATIENCE = 30.0
_KEY = "DJANGO_SECRET_KEY"


@click.command(epilog="Example: crossfade demo")
@config_option
def demo(config: Path) -> None:
    """Start a demo application and the gateway.

    The application is written with Django and knows only session cookies. Ctrl-C ends both.
    """
    home = config.absolute().parent
    script = home / "config" / "demo" / "serve.py"
    if not script.is_file():
        raise ConfigurationError(f"The demo application is not at {script}; run this in a checkout of the source.")
    missing = [name for name in ("django", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"The demo needs {' and '.join(missing)}: pip install -r requirements/demo.txt")
    settings = load(config)
    pages = home / "frontend" / "demo"
    with signals_as_exceptions():
        try:
            _serve(settings, config.absolute(), script, pages if pages.is_dir() else None)
        except Stopped:
            click.echo("The demo has ended.", err=True)


def _serve(settings: Settings, config: Path, script: Path, pages: Path | None) -> None:
    database = _database_of(settings)
    environ = {
        **os.environ,
        "DEMO_DATABASE": str(database),
        _KEY: _read_or_make_key(database.with_name("django-secret-key")),
        "DEMO_PAGES": str(pages or ""),
    }
    upstream = settings.upstreams[settings.default_upstream].url
    admin = tcp_address(settings.admin.listen)
    with Children() as children:
        address = ["--host", upstream.host, "--port", str(upstream.port)]
        children.start("The demo application", [sys.executable, str(script), *address], environ, str(config.parent))
        children.wait_until(lambda: _answers(f"{upstream}/login/"), _PATIENCE)
        command = [sys.executable, "-m", "gateway", "run", "--config", str(config)]
        children.start("The gateway", command, environ, str(config.parent))
        children.wait_until(lambda: _answers(f"http://{admin}/readyz"), _PATIENCE)
        click.echo(
            f"\n  The site          {settings.public_url}  (sign in as ada, lovelace-1843)\n"
            + (f"  Browser client    {settings.public_url}/client/\n" if pages else "")
            + f"  Without gateway   {upstream}\n"
            f"  Admin             http://{admin}/readyz and /metrics\n"
            "  Phase             crossfade phase status\n"
            "  Ctrl-C ends it.\n"
        )
        children.wait()


def _database_of(settings: Settings) -> Path:
    for session in settings.sessions:
        if isinstance(session, DjangoSession) and session.place.sqlite is not None:
            return session.place.sqlite.file
    raise ConfigurationError("The demo needs a session with `format: django` and `place: { sqlite: { file: … } }`.")


def _read_or_make_key(path: Path) -> str:
    """Keep the application's key between two starts, so that its sessions survive."""
    if path.is_file():
        return path.read_text(encoding="utf-8").strip()
    key = secrets.token_urlsafe(48)
    try:
        create_private_file(path, key.encode(), "key of the demo application")
    except FileExistsError:
        raise ConfigurationError(f"{path.parent} is not a folder; the demo keeps its files there.") from None
    return key


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False
