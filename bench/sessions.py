"""Sessions as Django writes them, in a database of their own."""

import sqlite3
from pathlib import Path

from django.core import signing

SECRET = "bench"


def make(folder: Path, count: int) -> list[str]:
    """Write rows of `django_session` into `app.db`, and return their keys."""
    signer = signing.TimestampSigner(key=SECRET, salt="django.contrib.sessions.SessionStore", fallback_keys=[])
    keys = [f"{number:032x}" for number in range(count)]
    with sqlite3.connect(folder / "app.db") as database:
        database.execute(
            "CREATE TABLE django_session (session_key TEXT PRIMARY KEY, session_data TEXT, expire_date TEXT)"
        )
        database.executemany(
            "INSERT INTO django_session VALUES (?, ?, '2099-01-01 00:00:00')",
            [(key, signer.sign_object({"_auth_user_id": str(number)})) for number, key in enumerate(keys)],
        )
    return keys
