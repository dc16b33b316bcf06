"""The keys of other issuers, fetched in the background and never on the way of a request.

Whoever sends tokens with made-up key ids causes nothing but the refusals of these tokens: one fetch at a time, at most
one in `cool_down`, however many there are.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import httpx
import structlog

from gateway.errors import IssuerUnavailable
from gateway.keys.jwks import KeySetRefused, read_key_set
from gateway.records import RemoteTrust, VerificationKey

_log = structlog.get_logger()

_UNKNOWN = 256
"""Key ids that are remembered as unknown, so that the same one asks for nothing again."""


@dataclass(frozen=True, slots=True)
class RemotePolicy:
    """Where the keys of an issuer are, and how they are kept. All durations in seconds.

    `keep` is how long the last good keys count while the issuer cannot be reached. `first_retry` is the time between
    two attempts while there are none at all, and nobody can be let in.
    """

    trust: RemoteTrust
    url: str
    algorithms: tuple[str, ...]
    refresh: float = 300.0
    cool_down: float = 30.0
    first_retry: float = 5.0
    timeout: float = 5.0
    keep: float = 86400.0
    largest: int = 256 * 1024
    """Bytes of a key set."""


@dataclass(slots=True)
class RemoteIssuer:
    """The keys of one issuer as they were fetched last. Times are `monotonic`, in seconds."""

    policy: RemotePolicy
    client: httpx.AsyncClient
    on_failure: Callable[[], None] = lambda: None
    fault: str = "not fetched yet"
    """Why the last fetch failed; empty when it did not."""
    _fetched_at: float | None = None
    _tried_at: float | None = None
    _is_wanted: bool = False
    _trust: RemoteTrust | None = None
    _unknown: dict[str, None] = field(default_factory=dict)
    _fetch: "asyncio.Task[None] | None" = None

    # --- asked by requests: no waiting, no I/O ---

    def trust(self, now: float) -> RemoteTrust:
        """Return whom to believe, under which keys.

        Raises:
            IssuerUnavailable: the keys were never fetched, or are older than they may be.
        """
        if self._trust is None or not self.is_usable(now):
            raise IssuerUnavailable
        return self._trust

    def is_usable(self, now: float) -> bool:
        """Whether the keys may be used still."""
        return self._fetched_at is not None and now < self._fetched_at + self.policy.keep

    def miss(self, kid: str) -> None:
        """Note that a token names a key that is not in the set: the issuer may have a new one."""
        if kid not in self._unknown:
            self._unknown[kid] = None
            self._is_wanted = True
            if len(self._unknown) > _UNKNOWN:
                del self._unknown[next(iter(self._unknown))]

    # --- kept up to date, each second ---

    def look(self, now: float) -> None:
        """Begin to fetch the keys if that is due and nobody does already."""
        if self._fetch is None and self._is_due(now):
            self._tried_at, self._is_wanted = now, False
            self._fetch = asyncio.get_running_loop().create_task(self._refresh(now))

    def _is_due(self, now: float) -> bool:
        if self._tried_at is None:
            return True
        if self._trust is None:
            return now >= self._tried_at + self.policy.first_retry
        waits = self.policy.cool_down if self._is_wanted or self.fault else self.policy.refresh
        return now >= self._tried_at + waits

    async def wait(self) -> None:
        """Wait for the fetch that is under way, if there is one."""
        if self._fetch is not None:
            await asyncio.wait([self._fetch])

    async def aclose(self) -> None:
        """End the fetch that is under way, and the connections."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait([self._fetch])
        await self.client.aclose()

    async def _refresh(self, now: float) -> None:
        alias = self.policy.trust.alias
        try:
            async with asyncio.timeout(self.policy.timeout):
                keys = read_key_set(await self._download(), self.policy.algorithms)
        except (httpx.HTTPError, httpx.InvalidURL, KeySetRefused, TimeoutError, ValueError) as error:
            fault = str(error) if isinstance(error, KeySetRefused) else type(error).__name__
            self.on_failure()
            if fault != self.fault:
                _log.warning(
                    "the keys of an issuer could not be fetched; those of before stay", alias=alias, fault=fault
                )
            self.fault = fault
        else:
            self._take(keys, now)
        finally:
            self._fetch = None

    def _take(self, keys: Mapping[str, VerificationKey], now: float) -> None:
        before = self._trust
        if before is None or keys != before.keys:
            stamp = before.stamp + 1 if before is not None else 1
            self._trust = replace(self.policy.trust, keys=keys, stamp=stamp)
            _log.info("the keys of an issuer", alias=self.policy.trust.alias, kids=sorted(keys))
        self._fetched_at, self.fault = now, ""
        for kid in self._unknown.keys() & keys.keys():
            del self._unknown[kid]

    async def _download(self) -> bytes:
        """Return the body of the answer, refused as soon as it is larger than it may be. No redirect is followed."""
        # A compressed body could be a thousand times larger than what was counted.
        fields = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
        async with self.client.stream("GET", self.policy.url, headers=fields, follow_redirects=False) as response:
            if response.status_code != 200:
                raise KeySetRefused(f"the answer is {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise KeySetRefused("the answer is compressed")
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self.policy.largest:
                    raise KeySetRefused(f"the answer is larger than {self.policy.largest} bytes")
            return bytes(body)


class RemoteIssuers:
    """All issuers besides ourselves, by their `iss`."""

    def __init__(self, issuers: Mapping[str, RemoteIssuer], monotonic: Callable[[], float]) -> None:
        self.issuers = issuers
        self._monotonic = monotonic

    def trust(self, issuer: str) -> RemoteTrust:
        """See `ports.RemoteKeys`."""
        return self.issuers[issuer].trust(self._monotonic())

    def miss(self, issuer: str, kid: str) -> None:
        """See `ports.RemoteKeys`."""
        self.issuers[issuer].miss(kid)

    def look(self) -> None:
        """Do what is due each second."""
        now = self._monotonic()
        for issuer in self.issuers.values():
            issuer.look(now)

    async def start(self, patience: float = 1.0) -> None:
        """Begin to fetch all keys, and wait a moment for them: who is slow or away does not hold up the start."""
        self.look()
        waits = [asyncio.ensure_future(issuer.wait()) for issuer in self.issuers.values()]
        if waits:
            await asyncio.wait(waits, timeout=patience)

    def states(self) -> Mapping[str, bool]:
        """Say for each alias whether its keys can be used."""
        now = self._monotonic()
        return {issuer.policy.trust.alias: issuer.is_usable(now) for issuer in self.issuers.values()}

    async def aclose(self) -> None:
        """End everything that is under way."""
        for issuer in self.issuers.values():
            await issuer.aclose()
