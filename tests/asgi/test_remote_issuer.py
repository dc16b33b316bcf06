"""Tokens of another issuer, through the whole gateway around an application that echoes what it is told."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

import gateway
from gateway.model import Revocation, RevocationKind
from gateway.settings.load import load_settings
from gateway.wiring.gateway import Gateway
from tests.asgi.shells import ENVIRON, SETTINGS
from tests.asgi.stub import living
from tests.hostile.gate import session_of
from tests.keys.issuer import Issuer, key_set, response, serving, token_of

ASKS = {"x-crossfade": "1"}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = b"\n".join(name + b": " + value for name, value in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


class World:
    """The issuer, the gateway, and a client."""

    def __init__(self, server: Issuer, client: httpx.AsyncClient) -> None:
        self.server = server
        self.client = client

    def token(self, claims: Mapping[str, Any] | None = None, *, kind: str = "ES256", kid: str = "k1") -> str:
        now = int(time.time())
        known = {"iss": "https://login.example.com", "sub": "ada", "aud": "app", "client_id": "spa", "jti": "t1"}
        return token_of(kind, kid, {**known, "iat": now, "exp": now + 300, **(claims or {})})

    async def get(self, token: str, path: str = "/", **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={"authorization": f"Bearer {token}", **headers})


@asynccontextmanager
async def world_of(folder: Path, more: str = "", server: Issuer | None = None) -> AsyncIterator[World]:
    async with serving(server or Issuer(response(key_set(k1="ES256")))) as issuer:
        path = folder / "gateway.yaml"
        entry = f"alias: corp, issuer: 'https://login.example.com', jwks_url: '{issuer.url}', audience: app"
        path.write_text(
            SETTINGS.format(port=1) + f"issuers: [{{ {entry}, algorithms: [ES256], roles_claim: groups{more} }}]\n"
        )
        app = gateway.GatewayMiddleware(echo, path, environ=ENVIRON)
        async with living(app) as client:
            yield World(issuer, client)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path) as world:
        yield world


def told(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 200, response.text
    return dict(line.split(": ", 1) for line in response.text.split("\n"))


async def test_the_application_is_told_who_it_is_with_the_alias_in_front(world: World) -> None:
    seen = told(await world.get(world.token({"scope": "read", "groups": ["staff"], "roles": ["admin"]})))
    assert seen["x-auth-subject"] == "corp|ada"
    assert (seen["x-auth-credential"], seen["x-auth-scope"], seen["x-auth-roles"]) == ("bearer", "read", "staff")
    assert "x-auth-session" not in seen
    assert "authorization" not in seen


async def test_it_is_no_token_that_is_bound_to_a_key(world: World) -> None:
    refused = await world.client.get("/", headers={"authorization": f"DPoP {world.token()}"})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert refused.headers["www-authenticate"].startswith("DPoP ")


async def test_it_satisfies_a_route_that_asks_for_a_credential(world: World) -> None:
    assert told(await world.get(world.token(), "/private/x"))["x-auth-subject"] == "corp|ada"


async def test_it_decides_alone_and_no_session_of_ours_travels_with_it(world: World) -> None:
    """Never the vault: the client's own session cookie goes, and none comes."""
    seen = told(await world.get(world.token(), cookie=f"sid={session_of('alice').decode()}; theme=dark"))
    assert (seen["x-auth-subject"], seen["cookie"]) == ("corp|ada", "theme=dark")


async def test_the_token_travels_on_where_that_is_configured(tmp_path: Path) -> None:
    async with world_of(tmp_path, ", forward_token: true") as world:
        token = world.token()
        assert told(await world.get(token))["authorization"] == f"Bearer {token}"


@pytest.mark.parametrize("path", ["/", "/private/x"])
@pytest.mark.parametrize(
    "bad",
    [
        {"claims": {"exp": 1}},
        {"claims": {"aud": "other"}},
        {"kid": "made-up"},
        {"kind": "ES256 b"},
        {"claims": {"sub": "a\r\nX-Admin: 1"}},
    ],
)
async def test_a_bad_one_is_refused_and_never_falls_through_to_the_session(
    world: World, bad: dict[str, Any], path: str
) -> None:
    refused = await world.get(world.token(**bad), path, cookie=f"sid={session_of('alice').decode()}")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_k7_an_unknown_key_is_401_at_once_and_asks_the_issuer_nothing(world: World) -> None:
    """K7: no I/O on the way of a request."""
    asked = world.server.asked
    for number in range(50):
        assert (await world.get(world.token(kid=f"made-up-{number}"))).status_code == 401
    assert world.server.asked == asked


async def test_while_the_keys_were_never_fetched_it_is_503_and_others_go_on(tmp_path: Path) -> None:
    async with world_of(tmp_path, server=Issuer(response(b"<html>"))) as world:
        refused = await world.get(world.token())
        assert (refused.status_code, refused.json()["code"]) == (503, "issuer_unavailable")
        assert refused.headers["retry-after"]
        assert (await world.client.get("/")).status_code == 200


async def test_an_issuer_cannot_speak_for_us_nor_for_another(world: World) -> None:
    ours = await world.get(world.token({"iss": "https://www.example.com"}))
    assert (ours.status_code, ours.json()["code"]) == (401, "invalid_token")
    stranger = await world.get(world.token({"iss": "https://stranger.example"}))
    assert "x-auth-subject" not in told(stranger)  # the application's own business, as before


async def test_nobody_of_ours_is_taken_for_somebody_of_theirs(world: World) -> None:
    refused = await world.client.get("/", headers={"cookie": f"sid={session_of('corp|ada').decode()}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "identity_not_carried")


async def test_who_am_i_and_introspection_know_it_and_revocation_says_where_to_go(world: World) -> None:
    token = world.token({"scope": "read"})
    session = (await world.get(token, "/.crossfade/session", **ASKS)).json()
    assert (session["credential"], session["subject"], session["session_id"]) == ("bearer", "corp|ada", None)
    form = {"token": token, "client_id": "web"}
    refused = await world.client.post("/.crossfade/revoke", data=form, headers=ASKS)
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_token_type")


async def test_the_blacklist_knows_it_by_names_with_the_alias_in_front(tmp_path: Path) -> None:
    """By `jti`, by subject and by everything, in a gateway with its real stores."""
    async with serving(Issuer(response(key_set(k1="ES256")))) as server:
        path = tmp_path / "gateway.yaml"
        entry = f"alias: corp, issuer: 'https://login.example.com', jwks_url: '{server.url}', audience: app"
        path.write_text(SETTINGS.format(port=1) + f"issuers: [{{ {entry}, algorithms: [ES256] }}]\n")
        opened = await Gateway.open(load_settings(path, ENVIRON), ENVIRON)
        try:
            await opened.start()
            world = World(server, httpx.AsyncClient())
            active = {"active": True, "sub": "corp|ada", "iss": "https://login.example.com", "jti": "corp|t1"}
            found = await opened.tokens.introspect(world.token(), now=time.time())
            assert active.items() <= found.items()
            until = time.time() + 60
            for kind, name, claims in (
                (RevocationKind.TOKEN, "corp|t1", {}),
                (RevocationKind.SUBJECT, "corp|bob", {"sub": "bob", "jti": "t2"}),
                (RevocationKind.EVERYTHING, "", {"sub": "eve", "jti": "t3"}),
            ):
                token = world.token(claims)
                assert (await opened.tokens.introspect(token, now=time.time()))["active"], kind
                revoked = await opened.stores.log.record([Revocation(kind, name, until, "test")], time.time())
                await opened.stores.revocation.publish(revoked)
                assert await opened.tokens.introspect(token, now=time.time()) == {"active": False}, kind
                if (
                    kind is not RevocationKind.TOKEN
                ):  # who signs in again there is let in: the issuer's clock may be 30 s off
                    later = {**claims, "iat": int(time.time()) + 32, "exp": int(time.time()) + 300}
                    found = await opened.tokens.introspect(world.token(later), now=time.time() + 33)
                    assert found["active"], kind
            await world.client.aclose()
        finally:
            await opened.aclose()
