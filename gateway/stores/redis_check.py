"""What can be wrong with a Redis before it fails: asked by `doctor`, never on the path of a request."""

import ssl
from collections.abc import Mapping, Sequence

from gateway.errors import ConfigurationError, DependencyError, StoreUnavailable
from gateway.ports import RevocationLog
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_connection import LOST, TIMEOUT, UNREACHABLE, RedisConnection, RedisFault
from gateway.stores.redis_keys import RedisKeys

_OLDEST = (6, 0)
"""The first version with SET … KEEPTTL."""


async def examine(
    address: RedisAddress, tls: ssl.SSLContext | None, keys: RedisKeys, log: RevocationLog, *, deadline: float
) -> Sequence[str]:
    """Return what should be changed. Each step may take `deadline` seconds.

    Raises:
        DependencyError: the server cannot be reached, or does not let us in.
        ConfigurationError: it is a Redis Cluster or too old.
    """
    try:
        connection = await RedisConnection.open(address, tls, connect_timeout=deadline, deadline=deadline)
        try:
            facts = _facts(await connection.call("INFO"))
            _ensure_usable(facts, address)
            held = await connection.call("GET", keys.sequence)
        finally:
            connection.close("done")
    except RedisFault as fault:
        raise DependencyError(_why_not(str(fault), address)) from None
    return [*_findings(facts, address), *await _compare(held, address, log)]


def _facts(reply: object) -> Mapping[str, str]:
    """Read the answer to INFO: lines of `name:value` under headings."""
    lines = reply.decode(errors="replace").splitlines() if isinstance(reply, bytes) else []
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _why_not(reason: str, address: RedisAddress) -> str:
    if reason in (UNREACHABLE, LOST, TIMEOUT):
        return f"The Redis at {address} cannot be reached. Start it, or correct stores.redis."
    return f"The Redis at {address} answers {reason}. Check its user, its password and its state."


def _ensure_usable(facts: Mapping[str, str], address: RedisAddress) -> None:
    if facts.get("redis_mode") == "cluster":
        raise ConfigurationError(
            f"The Redis at {address} is a Redis Cluster, where one command cannot read keys of several slots. "
            "Point stores.redis to a single Redis, or to the primary that Sentinel names."
        )
    version = facts.get("redis_version", "0")
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise ConfigurationError(f"The Redis at {address} has version {version}. Use 6.0 or newer.")


def _findings(facts: Mapping[str, str], address: RedisAddress) -> Sequence[str]:
    findings = []
    if facts.get("role") == "slave":
        findings.append(
            f"The Redis at {address} is a replica, which takes no revocations. Point stores.redis to the primary."
        )
    policy = facts.get("maxmemory_policy")
    if facts.get("maxmemory", "0") != "0" and policy != "noeviction":
        findings.append(
            f"The Redis at {address} throws keys out when its memory is full (maxmemory-policy {policy}), revocations "
            "among them; each time, tokens are refused until they are restored. Set noeviction, or use another Redis."
        )
    return findings


async def _compare(held: object, address: RedisAddress, log: RevocationLog) -> Sequence[str]:
    try:
        newest = await log.sequence()
    except StoreUnavailable as error:
        raise DependencyError(f"The log of revocations cannot be read. {error}") from None
    if isinstance(held, bytes) and held.isdigit() and int(held) > newest:
        return [
            f"The Redis at {address} holds revocations of another log than the one configured ({int(held)} where this "
            f"has {newest}), so that good tokens may be refused. Delete its keys of our prefix once."
        ]
    return []
