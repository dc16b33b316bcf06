"""The environment that the settings expect, with values for trying things out."""

import os
import secrets
from pathlib import Path


def prepare_environment() -> None:
    """Fill in what is not set: the settings module, the database and the secret key.

    A key that is made here is kept in a file beside the database, so that sessions survive a restart.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")
    database = Path(os.environ.setdefault("DEMO_DATABASE", "run/demo.db"))
    database.parent.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("DJANGO_SECRET_KEY"):
        os.environ["DJANGO_SECRET_KEY"] = _read_or_make_key(database.with_name("django-secret-key"))


def _read_or_make_key(path: Path) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key
