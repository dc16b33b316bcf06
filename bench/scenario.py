"""The work that `bench.instructions` counts: the whole gateway between transports that carry nothing.

A wave is one request of each connection and its response. Whatever decides is real, Redis included; only the sockets of
clients and of the application are missing, so that no kernel and no network is in the count.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import uvloop

from bench import sessions
from bench.tokens import AUDIENCE, ISSUER, Material, read
from gateway.flow.clients import Client
from gateway.model import SessionCookie
from gateway.settings.load import load_settings
from gateway.wire.upstream import UpstreamConnection
from gateway.wiring.gateway import Gateway

CONNECTIONS = 32
WAVES = 32
WARM = 50  # waves before the count: every credential was seen, and every path
TARGETS = [f"/api/items/{number}?page=2".encode() for number in range(50)]

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\nConnection: keep-alive\r\nX-Content-Type-Options: nosniff\r\n\r\n" + b"x" * 100
)
FIELDS = (
    b"Host: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
)

SCENARIOS = ("token", "token-new-fields", "token-redis", "token-vault", "session", "anonymous")
"""`token-vault` is the token of a family that began with a session: the application gets the user's own cookies."""
_FAMILIES = 64


class Clock:
    """Time stands still, so that nothing expires while valgrind makes everything fifty times slower."""

    def __init__(self) -> None:
        self.wall: Callable[[], float] = time.time().__float__
        self.monotonic: Callable[[], float] = (1.0).__float__


class Transport:
    """A transport whose every method is a builtin, so that next to nothing of it is counted."""

    is_closing = (0).__bool__
    get_write_buffer_size = (0).__int__

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append
        self.writelines = self.written.extend
        self.pause_reading = self.resume_reading = self.close = self.abort = self.written.clear

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        """Nothing is buffered."""

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 40000) if name == "peername" else None


def configure(folder: Path, scenario: str, material: Material) -> Path:
    """Write a configuration as small as a user's would be."""
    site = stores = ""
    if scenario in ("session", "token-vault"):
        site = (
            f"sessions: [{{ name: main, upstream: app, format: django, place: {{ sqlite: {{ file: {folder}/app.db }} }},\n"
            "  cookies: [sessionid], secrets: [{ env: DJANGO_SECRET_KEY }], login_url: /login/,\n"
            "  logout_paths: [/logout/], options: { binding: false } }]\n"
        )
    if scenario == "token-redis":
        stores = ", redis: { env: BENCH_REDIS }"
    path = folder / "gateway.yaml"
    path.write_text(
        f"listen: 127.0.0.1:18080\npublic_url: {ISSUER}\n"
        "upstreams: { app: { url: 'http://127.0.0.1:18081' } }\n"
        f"phase: {{ initial: parallel, override_file: {folder}/phase }}\n"
        f"tokens: {{ audience: {AUDIENCE}, algorithm: RS256, trust_store_alone: true }}\n{site}"
        f"keys: [{{ file: {material.private} }}]\nstores: {{ embedded: {folder}/crossfade.db{stores} }}\n"
        f"routes: [{{ path: /static/*, auth: public }}, {{ path: /*, auth: optional }}]\n"
    )
    return path


async def exchange(gateway: Gateway, keys: list[str], now: float) -> list[str]:
    """Return access tokens of families that these sessions began."""
    tokens = []
    for key in keys:
        shown = SessionCookie("main", ((b"sessionid", key.encode()),))
        tokens.append((await gateway.tokens.exchange(shown, Client("web", "cookie"), now=now)).access_token)
    return tokens


async def credentials(gateway: Gateway, folder: Path, scenario: str, material: Material, now: float) -> list[str]:
    """Return the line that each of many users sends."""
    if scenario == "session":
        return [f"Cookie: theme=dark; sessionid={key}\r\n" for key in sessions.make(folder, len(material.tokens))]
    if scenario == "anonymous":
        return ["Cookie: theme=dark\r\n"]
    tokens = material.tokens
    if scenario == "token-vault":
        tokens = tuple(await exchange(gateway, sessions.make(folder, _FAMILIES), now))
    return [f"Authorization: Bearer {token}\r\n" for token in tokens]


def make_requests(scenario: str, shown: list[str]) -> list[bytes]:
    """Return the requests of many users, one after the other."""
    requests = []
    for number in range(CONNECTIONS * (WARM + WAVES)):
        own = b"X-Page: %d\r\n" % number if scenario == "token-new-fields" else b""
        line = b"GET %b HTTP/1.1\r\n" % TARGETS[number % len(TARGETS)]
        requests.append(line + FIELDS + own + shown[number % len(shown)].encode() + b"\r\n")
    return requests


class Stand:
    """A gateway with connections on both sides, all of them open."""

    def __init__(self, gateway: Gateway, requests: list[bytes]) -> None:
        self.requests = requests
        self.pool = gateway.pools["app"]
        server = gateway.server()
        self.clients = [cast("Any", server()) for _ in range(CONNECTIONS)]
        self.upstreams = [UpstreamConnection(self.pool) for _ in range(CONNECTIONS)]
        self.answers = [Transport() for _ in self.clients]
        self.asked = [Transport() for _ in self.upstreams]
        protocols, transports = [*self.clients, *self.upstreams], [*self.answers, *self.asked]
        for protocol, transport in zip(protocols, transports, strict=True):
            protocol.connection_made(cast("Any", transport))
        for upstream in self.upstreams:
            self.pool.release(upstream)

    async def wave(self, number: int) -> None:
        start = number * CONNECTIONS
        for client, request in zip(self.clients, self.requests[start : start + CONNECTIONS], strict=True):
            client.data_received(request)
        while self.pool.idle_count:  # noqa: ASYNC110 - Redis has not answered all; turns of the loop are counted too
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the requests leave at the end of the turn, and so do the answers
        for upstream in self.upstreams:
            upstream.data_received(RESPONSE)
        await asyncio.sleep(0)

    def ensure(self, waves: int) -> None:
        """Every request reached the application once and was answered once, or the count is worth nothing."""
        for transports, start in ((self.answers, b"HTTP/1.1 200 "), (self.asked, b"GET /api/")):
            for transport in transports:
                if len(transport.written) != waves or not all(data.startswith(start) for data in transport.written):
                    raise SystemExit(f"{transport.written[:1]!r} in {len(transport.written)} pieces")
                transport.written.clear()


async def run(folder: Path, scenario: str, material: Material) -> None:
    settings = load_settings(configure(folder, scenario, material), os.environ)
    clock = Clock()
    gateway = await Gateway.open(settings, os.environ, clock)
    await gateway.start()
    gateway.wheel.stop()
    requests = make_requests(scenario, await credentials(gateway, folder, scenario, material, clock.wall()))
    stand = Stand(gateway, requests)
    for number in range(WARM):
        await stand.wave(number)
    stand.ensure(WARM)
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    os.getsid(0)  # callgrind writes what it has counted, and begins again
    for number in range(WARM, WARM + WAVES):
        await stand.wave(number)
    os.getsid(0)
    print(f"{scenario}: {(time.perf_counter() - began) / WAVES / CONNECTIONS * 1e6:.1f} µs a request")
    stand.ensure(WAVES)
    await gateway.aclose()


def main() -> None:
    folder = Path(sys.argv[1])
    material = read(folder)
    for scenario in sys.argv[2:]:
        place = folder / scenario
        place.mkdir()
        uvloop.run(run(place, scenario, material))


if __name__ == "__main__":
    main()
