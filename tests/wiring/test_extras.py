"""What only some configurations need is imported only for them, and its absence is told with the remedy."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.keys.material import key_file, pem_of

BLOCKED = ("redis", "hiredis", "itsdangerous", "asyncpg", "fastapi")

PROGRAM = f"""
import asyncio, sys
for name in {BLOCKED!r}:
    sys.modules[name] = None  # importing it raises ImportError
import gateway, gateway.cli.main, gateway.serve.process
from pathlib import Path
from gateway.errors import ConfigurationError
from gateway.serve.embed import open_gateway
try:
    asyncio.run(asyncio.wait_for(open_gateway(Path(sys.argv[1]), {{"SECRET": "s" * 50}}), 10))
except ConfigurationError as error:
    print(error)
else:
    print("opened")
"""

BASE = """\
public_url: https://www.example.com
upstreams: { app: { url: http://127.0.0.1:8000 } }
tokens: { trust_store_alone: true }
"""
FLASK = (
    "sessions: [{ name: main, format: flask, place: { cookie: {} }, cookies: [session], secrets: [{ env: SECRET }] }]\n"
)
SHARED = "keys: [{ file: key.pem }]\n"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", "opened"),
        (FLASK, "The format flask of the session main needs a package that is not installed."
                " Run: pip install 'crossfade[flask]'"),
        ("stores: { redis: { url: 'redis://127.0.0.1:1/0' } }\n",
         "stores.redis needs a package that is not installed. Run: pip install 'crossfade[redis]'"),
        (SHARED + "stores: { postgres: { url: 'postgresql://u@127.0.0.1:1/d' }, secret: { file: master } }\n",
         "stores.postgres needs a package that is not installed. Run: pip install 'crossfade[postgres]'"),
    ],
    ids=["none", "flask", "redis", "postgres"],
)  # fmt: skip
def test_an_extra_is_asked_for_where_it_is_needed(tmp_path: Path, more: str, says: str) -> None:
    (tmp_path / "gateway.yaml").write_text(BASE + more)
    key_file(tmp_path / "key.pem", pem_of("RS256"))
    key_file(tmp_path / "master", b"0123456789abcdef0123456789abcdef")
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "gateway.yaml")],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (made.stdout.strip(), made.returncode) == (says, 0), made.stderr
