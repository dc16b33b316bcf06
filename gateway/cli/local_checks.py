"""The checks of `doctor` that stay on this machine: secrets, keys, files. They make and change nothing."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from gateway.cli.outcome import Outcome, attempt, finding, ok
from gateway.keys.secrets import load_master
from gateway.keys.volatile import ensure_lasting
from gateway.settings.schema import Settings
from gateway.settings.secrets import Secret
from gateway.wiring.keys import open_listed_keys
from gateway.wiring.stores import beside

Environ = Mapping[str, str]


def check_secrets(settings: Settings, environ: Environ) -> Iterator[Outcome]:
    """Each secret can be read; none is shown."""
    for place, secret in _named_secrets(settings):
        yield attempt(place, lambda secret=secret: secret.read(environ), f"{secret} can be read")  # type: ignore[misc]


def _named_secrets(settings: Settings) -> Iterator[tuple[str, Secret]]:
    for session in settings.sessions:
        for index, secret in enumerate(getattr(session, "secrets", ())):
            yield f"sessions.{session.name}.secrets[{index}]", secret
    for name, server in (("postgres", settings.stores.postgres), ("redis", settings.stores.redis)):
        if server is not None and server.secret is not None:
            yield f"stores.{name}", server.secret


def check_keys(settings: Settings, environ: Environ) -> Iterator[Outcome]:
    """Signing keys and the master secret can be used, or could be made at the first start."""
    database = settings.stores.embedded.file
    made = beside(database, "signing-key.pem")
    if not settings.keys and settings.stores.postgres is not None:
        yield ok("keys", "the gateway makes its signing keys itself and keeps them, sealed, in the database")
    elif settings.keys or made.exists():
        yield attempt("keys", lambda: open_listed_keys(settings, environ), "the signing keys can be used")
    else:
        yield _could_be_made("keys", made, "signing key", settings, environ)
    secret, made = settings.stores.secret, beside(database, "secret")
    if secret is not None:
        loads = {"env": secret.env or "", "file": secret.file}
        yield attempt("stores.secret", lambda: load_master(environ, **loads), f"{secret} can be used")  # type: ignore[arg-type]
    elif made.exists():
        yield attempt("stores.secret", lambda: load_master(environ, file=made), f"{made} can be used")
    else:
        yield _could_be_made("stores.secret", made, "master secret", settings, environ)


def _could_be_made(name: str, path: Path, what: str, settings: Settings, environ: Environ) -> Outcome:
    if settings.stores.embedded.single_instance:
        return ok(name, f"the {what} will be made at the first start, in {path}")
    return attempt(
        name,
        lambda: ensure_lasting(path, what, environ),
        f"the {what} will be made at the first start, in {path}",
    )


def check_database(settings: Settings, *, is_running: bool) -> Iterator[Outcome]:
    """The embedded database can be opened, or is held by the gateway that runs."""
    if settings.stores.postgres is not None:
        return
    name, path = "stores.embedded", settings.stores.embedded.file
    if not path.exists():
        folder = next(folder for folder in path.parents if folder.exists())
        if os.access(folder, os.W_OK):
            yield ok(name, f"{path} will be made at the first start")
        else:
            yield finding(name, f"{path} cannot be made: this user may not write in {folder}.")
        return
    problem = _sqlite_problem(path, "PRAGMA quick_check(1)")
    if problem == "locked" and is_running:
        yield ok(name, f"{path} is held by the gateway that runs")
    elif problem == "locked":
        yield finding(name, f"{path} is in use by another process; embedded stores serve one process only.")
    elif problem:
        yield finding(name, f"{path} cannot be used: {problem}.")
    else:
        yield ok(name, f"{path} can be opened")


def _sqlite_problem(path: Path, query: str) -> str:
    """Return why a query cannot be answered: empty if it can, `locked` where another process holds the file."""
    if not path.is_file():
        return "there is no such file"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)) as connection:
            found = connection.execute(query).fetchone()
    except sqlite3.OperationalError as error:
        is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        return "locked" if is_busy else str(error)
    except sqlite3.Error as error:
        return str(error)
    return "" if found is None or found[0] in {1, "ok"} else "it is damaged"
