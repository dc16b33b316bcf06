"""What a user imports: the middleware and the proxy from a configuration, and who is asking in FastAPI."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.types import Receive, Scope, Send

import gateway
from gateway.asgi.fastapi import identity, required_identity
from gateway.model import Identity
from tests.asgi.shells import ENVIRON, SETTINGS
from tests.asgi.stub import answering, living, scope_of, visit
from tests.hostile.gate import session_of

HOST = "http://www.example.com"
ALICE = {"cookie": f"sid={session_of('alice').decode()}"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(SETTINGS.format(port=1))
    return path


def fast_application() -> FastAPI:
    app = FastAPI()

    @app.get("/me")
    async def me(who: Annotated[Identity | None, Depends(identity)]) -> Mapping[str, str | None]:
        return {"subject": who.subject if who else None}

    @app.get("/mine")
    async def mine(who: Annotated[Identity, Depends(required_identity)]) -> Mapping[str, str]:
        return {"subject": who.subject, "credential": who.credential}

    @app.websocket("/ws")
    async def ws(socket: WebSocket, who: Annotated[Identity, Depends(required_identity)]) -> None:
        await socket.accept()
        await socket.send_text(who.subject)
        await socket.close()

    return app


async def test_fastapi_learns_who_is_asking(config: Path) -> None:
    app = fast_application()
    app.add_middleware(gateway.GatewayMiddleware, config, environ=ENVIRON)
    async with living(app) as client:
        assert (await client.get("/me")).json() == {"subject": None}
        refused = await client.get("/mine")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert (await client.get("/mine", headers=ALICE)).json() == {"subject": "alice", "credential": "session"}
        assert (await client.get("/.well-known/jwks.json")).json()["keys"]


async def test_fastapi_learns_it_of_a_websocket_too(config: Path) -> None:
    app = fast_application()
    app.add_middleware(gateway.GatewayMiddleware, config, environ=ENVIRON)
    cookie = (b"cookie", ALICE["cookie"].encode())
    scope = scope_of(b"/ws", [cookie], type="websocket", scheme="ws", subprotocols=[])
    async with living(app):
        server = await visit(app, scope, {"type": "websocket.connect"})
    assert [message["type"] for message in server.sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert server.sent[1]["text"] == "alice"


@pytest.fixture
def delivering(tmp_path: Path) -> Path:
    path = tmp_path / "delivering.yaml"
    path.write_text(f"{SETTINGS.format(port=1)}delivery: {{ automatic: true }}\n")
    return path


async def test_a_page_brings_its_tokens_as_cookies_here_too(delivering: Path) -> None:
    app = fast_application()
    app.add_middleware(gateway.GatewayMiddleware, delivering, environ=ENVIRON)
    async with living(app) as client:
        page = await client.get("/me", headers={**ALICE, "accept": "text/html"})
        assert page.headers["cache-control"] == "private"
        pairs = [line.partition(";")[0] for line in page.headers.get_list("set-cookie")]
        assert len(pairs) == 2
        client.cookies.clear()
        mine = (await client.get("/mine", headers={"cookie": "; ".join(pairs)})).json()
        assert mine == {"subject": "alice", "credential": "token_cookie"}


async def test_without_the_middleware_the_dependency_says_what_is_missing() -> None:
    transport = httpx.ASGITransport(fast_application())
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        with pytest.raises(RuntimeError, match="GatewayMiddleware is not installed"):
            await client.get("/me")


async def test_what_somebody_else_put_into_the_scope_is_nobody() -> None:
    inner = fast_application()

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await inner({**scope, "auth": "admin"}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url=HOST) as client:
        assert (await client.get("/me")).json() == {"subject": None}
        assert (await client.get("/mine")).status_code == 401


async def test_the_middleware_takes_settings_that_were_read_before(config: Path) -> None:
    settings = gateway.load_settings(config, ENVIRON)
    app = gateway.GatewayMiddleware(answering(b"inside"), settings, environ=ENVIRON)
    async with living(app) as client:
        assert (await client.get("/")).content == b"inside"
        assert (await client.get("/private/x")).status_code == 401


@pytest.mark.parametrize("is_read", [False, True])
async def test_with_tokens_switched_off_it_only_passes_on(config: Path, *, is_read: bool) -> None:
    settings = gateway.load_settings(config, ENVIRON) if is_read else config
    app = gateway.GatewayMiddleware(answering(b"inside"), settings, environ={"ENABLE_JWT_AUTH": "false"})
    async with living(app) as client:
        assert (await client.get("/private/x")).content == b"inside"
    assert not (config.parent / "crossfade.db").exists()


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "faulty.yaml"
    path.write_text("colour: blue\n")
    return path


async def test_a_configuration_that_cannot_be_used_stops_the_server(faulty: Path) -> None:
    app = gateway.create_app(faulty, environ=ENVIRON)
    with pytest.raises(AssertionError, match="colour"):
        async with living(app):
            pass


def test_the_public_names_are_there_and_no_others() -> None:
    assert set(gateway.__all__) == {"GatewayError", "GatewayMiddleware", "create_app", "load_settings"}
    assert all(getattr(gateway, name) is not None for name in gateway.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gateway.nonsense  # noqa: B018 - looking is the point


def test_importing_a_part_does_not_import_the_whole() -> None:
    import subprocess
    import sys

    code = "import gateway.errors, sys; sys.exit('gateway.serve' in sys.modules or 'starlette' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
