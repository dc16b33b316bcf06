"""A gateway with a real application behind it, for the checks of `doctor`."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Said, crossfade, http_server
from tests.servers import free_port


@pytest.fixture
def application() -> Iterator[str]:
    with http_server(lambda asked: Said(200 if asked.path == "/" else 404)) as address:
        yield address


@pytest.fixture
def examined(tmp_path: Path, application: str) -> Path:
    """A configuration in which everything is as it should be."""
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("CREATE TABLE django_session (session_key, session_data, expire_date)")
        connection.execute("CREATE TABLE auth_user (id, password, is_active)")
    connection.close()
    path = tmp_path / "gateway.yaml"
    path.write_text(
        f"public_url: http://localhost:8080\nupstreams: {{ app: {{ url: http://{application} }} }}\n"
        f"admin: {{ listen: 127.0.0.1:{free_port()} }}\n"
        "sessions:\n"
        "  - { name: main, format: django, place: { sqlite: { file: app.db } }, secrets: { env: APP_KEY } }\n"
        "stores: { secret: { env: MASTER } }\nkeys: { file: key.pem }\n"
    )
    assert crossfade("keys", "generate", "-o", tmp_path / "key.pem").code == 0
    return path
