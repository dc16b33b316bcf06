"""The checks of `doctor` that ask others: the application, Redis, the gateway that runs."""

import asyncio
import re
import secrets as randomness
import ssl
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime

import httpx

from gateway.cli.admin import tcp_address
from gateway.cli.outcome import Outcome, finding, ok, unreachable
from gateway.errors import ConfigurationError, DependencyError, StoreUnavailable
from gateway.facts import Event
from gateway.model import Revocation
from gateway.serve.capacity import count_workers
from gateway.settings.schema import Settings, Upstream
from gateway.settings.schema.stores import Postgres

_TIMEOUT = 5.0
_CLOCK_TOLERANCE = 5.0
_WELL_KNOWN = ("/.well-known/jwks.json", "/.well-known/oauth-authorization-server")
_ENDPOINTS = ("token", "session", "logout")
_COUNT = re.compile(rf'^crossfade_events_total\{{event="{Event.UNTRUSTED_FORWARDED}"\}} ([0-9.e+]+)$', re.MULTILINE)

Environ = Mapping[str, str]


def check_upstreams(settings: Settings, now: float) -> Iterator[Outcome]:
    """Each application answers, its clock agrees with ours, and it does not use our addresses itself."""
    for name, upstream in settings.upstreams.items():
        what = f"upstreams.{name}"
        try:
            verify = ssl.create_default_context(cafile=upstream.ca) if upstream.url.scheme == "https" else True
        except (OSError, ssl.SSLError):
            yield finding(f"{what}.ca", f"the certificates in {upstream.ca} cannot be read; they must be PEM.")
            continue
        with httpx.Client(
            base_url=str(upstream.url),
            headers=_host(settings, upstream),
            timeout=_TIMEOUT,
            verify=verify,
            trust_env=False,
        ) as client:
            yield from _check_upstream(what, client, settings, now)


def _host(settings: Settings, upstream: Upstream) -> dict[str, str]:
    return {"host": settings.public_url.authority} if upstream.host == "preserve" else {}


def _check_upstream(what: str, client: httpx.Client, settings: Settings, now: float) -> Iterator[Outcome]:
    try:
        status, date = _ask(client, "/")
    except httpx.HTTPError as error:
        why = "its certificate is not accepted" if "CERTIFICATE" in str(error).upper() else "it cannot be reached"
        yield unreachable(what, f"no answer from {client.base_url}: {why}. Start it, or correct {what}.url.")
        return
    if status == httpx.codes.BAD_REQUEST:
        yield finding(what, f"it refuses the Host {settings.public_url.authority} (400); allow that name there.")
    else:
        yield ok(what, f"it answers ({status})")
    yield from _check_clock(what, date, now)
    try:
        yield from _check_own_paths(what, client, settings)
    except httpx.HTTPError:
        yield finding(what, "it stopped answering while it was asked for the paths of the gateway.")


def _ask(client: httpx.Client, path: str) -> tuple[int, str]:
    with client.stream("GET", path) as response:  # its body may be endless
        return response.status_code, response.headers.get("date", "")


def _check_clock(what: str, date: str, now: float) -> Iterator[Outcome]:
    try:
        ahead = parsedate_to_datetime(date).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return  # it sends no date; nothing can be said
    if abs(ahead) <= _CLOCK_TOLERANCE:
        yield ok(f"{what} clock", "its clock agrees with ours")
    else:
        which = "ahead of" if ahead > 0 else "behind"
        sentence = f"its clock is {abs(ahead):.0f} seconds {which} ours; synchronise both (NTP)."
        yield finding(f"{what} clock", sentence)


def _check_own_paths(what: str, client: httpx.Client, settings: Settings) -> Iterator[Outcome]:
    """An address of ours that the application uses itself would be hidden by the gateway."""
    usual = _ask(client, f"/{randomness.token_hex(16)}")[0]
    paths = [f"{settings.prefix}/{endpoint}" for endpoint in _ENDPOINTS]
    paths += _WELL_KNOWN if settings.well_known else ()
    taken = [path for path in paths if _ask(client, path)[0] not in {usual, 404}]
    if not taken:
        yield ok(f"{what} paths", "it uses none of the gateway's addresses")
    for path in taken:
        remedy = "set well_known: false" if path in _WELL_KNOWN else "choose another `prefix`"
        yield finding(f"{what} paths", f"the application itself answers at {path}, which the gateway hides; {remedy}.")


def check_postgres(settings: Settings, environ: Environ) -> Iterator[Outcome]:
    """The shared database can be reached and has our tables, and its clock agrees with ours."""
    postgres = settings.stores.postgres
    if postgres is None:
        return
    try:
        ahead, allowed = asyncio.run(_examine_postgres(postgres, environ))
    except DependencyError as error:
        yield unreachable("stores.postgres", str(error))
    except ConfigurationError as error:
        yield finding("stores.postgres", str(error))
    else:
        yield ok("stores.postgres", "it can be used")
        yield from _check_connections(settings, allowed)
        if abs(ahead) > _CLOCK_TOLERANCE:
            which = "ahead of" if ahead > 0 else "behind"
            yield finding(
                "stores.postgres clock",
                f"its clock is {abs(ahead):.0f} seconds {which} ours, as others' may be; synchronise (NTP).",
            )


def _check_connections(settings: Settings, allowed: int) -> Iterator[Outcome]:
    """All processes together may fill their pools at the same time."""
    workers = count_workers(settings.workers, is_shared=True)
    processes = workers + 1 if workers > 1 else 1  # the admin port has one of its own
    postgres = settings.stores.postgres
    wanted = processes * (0 if postgres is None else postgres.connections)
    if wanted >= allowed:
        yield finding(
            "stores.postgres connections",
            f"{processes} processes may open {wanted}, but the server allows {allowed} to everybody;"
            " lower stores.postgres.connections or workers, or raise max_connections.",
        )


async def _examine_postgres(postgres: Postgres, environ: Environ) -> tuple[float, int]:
    """Return by how many seconds its clock is ahead of ours, and how many connections it allows."""
    from gateway.wiring.durable import open_migrations

    migrations = open_migrations(postgres, environ)
    await migrations.ensure_usable()
    return await migrations.clock() - time.time(), await migrations.most_connections()


def check_redis(settings: Settings, environ: Environ) -> Iterator[Outcome]:
    """The shared blacklist can be used: reachable, no cluster, no eviction."""
    redis = settings.stores.redis
    if redis is None:
        return
    try:
        findings = asyncio.run(_examine_redis(settings, environ))
    except ImportError:
        yield finding("stores.redis", "the Redis client is not installed: pip install 'crossfade[redis]'.")
    except DependencyError as error:
        yield unreachable("stores.redis", str(error))
    except ConfigurationError as error:
        yield finding("stores.redis", str(error))
    else:
        yield from [finding("stores.redis", sentence) for sentence in findings] or [
            ok("stores.redis", "it can be used")
        ]


async def _examine_redis(settings: Settings, environ: Environ) -> Sequence[str]:
    from gateway.stores.redis_address import parse_redis_url
    from gateway.stores.redis_check import examine
    from gateway.stores.redis_keys import RedisKeys
    from gateway.stores.revocation_redis import RedisPolicy

    redis = settings.stores.redis
    assert redis is not None
    address = parse_redis_url(redis.read(environ))
    keys = RedisKeys(RedisPolicy().prefix, settings.revocation.also_check)
    return await examine(address, address.tls(), keys, _UnknownLog(), deadline=_TIMEOUT)


class _UnknownLog:
    """The log of revocations, which only the gateway that runs can open: as far as we know, it is ahead of Redis."""

    async def record(self, revocations: Sequence[Revocation], now: float, family_id: str = "") -> Sequence[Revocation]:
        raise StoreUnavailable

    async def live(self, now: float, *, after: int = 0, limit: int | None = None) -> Sequence[Revocation]:
        raise StoreUnavailable

    async def sequence(self) -> int:
        return sys.maxsize


def find_running(settings: Settings) -> str | None:
    """Return the metrics of the gateway that runs, None where none answers."""
    listen = settings.metrics.listen or settings.admin.listen
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            response = client.get(f"http://{tcp_address(listen)}/metrics", headers={"accept": "text/plain"})
    except httpx.HTTPError:
        return None
    return response.text if response.is_success else None


def check_running(settings: Settings, metrics: str | None) -> Iterator[Outcome]:
    """Whether a gateway runs, and whether a peer that is not trusted tells who the client is."""
    listen = settings.metrics.listen or settings.admin.listen
    if metrics is None:
        yield ok("gateway", f"none answers at {listen}: it is not running, or another one is meant")
        return
    yield ok("gateway", f"it runs and answers at {listen}")
    counted = _COUNT.search(metrics)
    if counted is not None and float(counted[1]) > 0:
        yield finding(
            "trusted_proxies",
            f"{float(counted[1]):.0f} requests came with X-Forwarded-* from a peer that is not listed, and those fields"
            " were replaced; if that peer is your own proxy, list its network.",
        )
