"""What is interrupted, and what must hold afterwards: what was acknowledged is kept, the rest can be repeated."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Protocol

import orjson

from tests.soak.cluster import Cluster, session_cookie
from tests.soak.http import Connection, Reply, exchange_request, refresh_request, revoke_request, session_request

_PATIENCE = 15.0
AGE = "UPDATE refresh_tokens SET issued_at = issued_at - 100 WHERE family_id = '{}'"
_LEAVES = "SELECT count(*) FROM refresh_tokens WHERE family_id = '{}' AND used_at IS NULL"
_FAMILY = "SELECT generation, ended_at IS NOT NULL FROM crossfade_families WHERE id = '{}'"
_REVOKED = "SELECT count(*) FROM crossfade_revocations WHERE name = '{}'"


class Client:
    """Talks to the gateway, and asks the database behind its back."""

    _numbers = itertools.count()

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._connection = Connection(cluster.ports[0])

    async def send(self, request: bytes) -> Reply:
        return await self._connection.send(request)

    async def insist(self, request: bytes) -> Reply:
        """Send it until somebody answers: neither nothing nor 503."""
        until = asyncio.get_running_loop().time() + _PATIENCE
        while (reply := await self.send(request)).status in {0, 503}:
            assert asyncio.get_running_loop().time() < until, reply
            await asyncio.sleep(0.02)
        return reply

    def new_user(self) -> str:
        return f"user-{next(self._numbers)}"

    def find(self, statement: str) -> str:
        return self._cluster.postgres.psql(statement)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one family, as its owner has them."""

    family: str
    access: str
    refresh: str


async def signed_in(client: Client) -> Tokens:
    user = client.new_user()
    content = orjson.loads((await client.insist(exchange_request(session_cookie(user)))).body)
    family = client.find(f"SELECT id FROM crossfade_families WHERE subject = '{user}'")
    return Tokens(family, content["access_token"], content["refresh_token"])


class Operation(Protocol):
    """`prepare` brings about what `request` needs; `check` is told what came back, if anything did."""

    name: str

    async def prepare(self, client: Client) -> None: ...

    def request(self) -> bytes: ...

    async def check(self, client: Client, reply: Reply) -> None: ...


class Rotate:
    """A refresh token that is old enough to be succeeded."""

    name = "rotate"

    async def prepare(self, client: Client) -> None:
        self._tokens = await signed_in(client)
        client.find(AGE.format(self._tokens.family))

    def request(self) -> bytes:
        return refresh_request(self._tokens.refresh)

    async def check(self, client: Client, reply: Reply) -> None:
        """One leaf before and after the retry; the retry yields what was acknowledged, each time, and it is alive."""
        family = self._tokens.family
        assert client.find(_LEAVES.format(family)) == "1"
        successor = await self._show(client, self._tokens.refresh)
        if reply.status == 200:
            assert orjson.loads(reply.body)["refresh_token"] == successor
        assert successor != self._tokens.refresh
        assert await self._show(client, self._tokens.refresh) == successor
        assert await self._show(client, successor) == successor
        assert client.find(_LEAVES.format(family)) == "1"
        assert client.find(_FAMILY.format(family)) == "1|f"
        assert client.find(_REVOKED.format(family)) == "0"

    async def _show(self, client: Client, token: str) -> str:
        reply = await client.insist(refresh_request(token))
        assert reply.status == 200, reply
        return str(orjson.loads(reply.body)["refresh_token"])


class Revoke:
    """The tokens of a family that is to end."""

    name = "revoke"

    async def prepare(self, client: Client) -> None:
        self._tokens = await signed_in(client)
        assert (await client.insist(session_request(self._tokens.access))).status == 200

    def request(self) -> bytes:
        return revoke_request(self._tokens.refresh)

    async def check(self, client: Client, reply: Reply) -> None:
        """What was acknowledged is never accepted again, not even by the first request after a restart."""
        if reply.status != 200:
            assert (await client.insist(self.request())).status == 200
        await self._ensure_refused(client)
        assert (await client.insist(refresh_request(self._tokens.refresh))).status == 400
        assert client.find(_FAMILY.format(self._tokens.family)) == "0|t"
        assert client.find(_REVOKED.format(self._tokens.family)) == "1"

    async def _ensure_refused(self, client: Client) -> None:
        until = asyncio.get_running_loop().time() + _PATIENCE
        while (reply := await client.send(session_request(self._tokens.access))).status != 401:
            assert reply.status in {0, 503}, reply  # nobody can say yet, which is not a yes
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.02)


class Exchange:
    """A session that gets its first tokens, with a key that makes the request repeatable."""

    name = "exchange"

    async def prepare(self, client: Client) -> None:
        self._user = client.new_user()
        self._cookie = session_cookie(self._user)

    def request(self) -> bytes:
        return exchange_request(self._cookie, f"key-of-{self._user}")

    async def check(self, client: Client, reply: Reply) -> None:
        """One family with one leaf and its vaulted session; the repetition yields what was acknowledged."""
        families = client.find(f"SELECT count(*) FROM crossfade_families WHERE subject = '{self._user}'")
        assert families == "1" if reply.status == 200 else families in {"0", "1"}
        repeated = await client.insist(self.request())
        assert repeated.status == 200, repeated
        content = orjson.loads(repeated.body)
        if reply.status == 200:
            assert content["refresh_token"] == orjson.loads(reply.body)["refresh_token"]
        family = client.find(f"SELECT id FROM crossfade_families WHERE subject = '{self._user}'")
        assert client.find(_LEAVES.format(family)) == "1"
        assert client.find(f"SELECT count(*) FROM crossfade_vault WHERE session_id = '{family}'") == "1"
        assert (await client.insist(session_request(content["access_token"]))).status == 200
        assert (await client.insist(refresh_request(content["refresh_token"]))).status == 200


OPERATIONS: tuple[type[Operation], ...] = (Rotate, Revoke, Exchange)
