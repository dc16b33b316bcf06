"""The RevocationStore on Redis: asked for every request with a token, and never trusted to have kept what it was given.

The store is either up or down. Down, it answers at once that nobody can say. It comes up when it is connected and Redis
has everything that the log has; it goes down when Redis is silent, answers with an error, has a smaller sequence number
than it had before, evicted keys, or did not take a revocation. A task in the background brings it up again.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import RevocationUnavailable, StoreUnavailable
from gateway.model import Revocation, Standing, VerifiedToken
from gateway.ports import Clock, RevocationLog
from gateway.stores.dependency import DependencyState
from gateway.stores.keeper import Keeper
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_batch import LookUps, Settle
from gateway.stores.redis_blacklist import RedisBlacklist
from gateway.stores.redis_check import examine
from gateway.stores.redis_client import connect
from gateway.stores.redis_connection import LOST, RedisConnection, RedisFault
from gateway.stores.redis_keys import RedisKeys

_LOST_WRITES = "lost writes"


@dataclass(frozen=True, slots=True)
class RedisPolicy:
    """Names and times. Durations are in seconds.

    `deadline` holds for all look-ups that were sent together, `write_timeout` for publishing. Up, the store is
    inspected every `check_every`; down, it is tried again after at most `retry_every`. `feed_length` is about how many
    entries the stream keeps for other readers.
    """

    prefix: str = "{cf}:"
    also_check: tuple[str, ...] = ()
    deadline: float = 0.05
    connect_timeout: float = 0.3
    write_timeout: float = 0.5
    check_every: float = 1.0
    retry_every: float = 0.4
    feed_length: int = 100_000


class RedisRevocationStore:
    """The blacklist on one Redis. `jitter` draws from [0, 1), so that many processes do not knock at once.

    Raises:
        ConfigurationError: a pattern of `also_check` or a TLS file cannot be used.
    """

    def __init__(
        self,
        address: RedisAddress,
        log: RevocationLog,
        clock: Clock,
        policy: RedisPolicy | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._address = address
        self._tls = address.tls()
        self._log = log
        self._clock = clock
        self._policy = policy or RedisPolicy()
        self._jitter = jitter
        self.keys = RedisKeys(self._policy.prefix, self._policy.also_check)
        client = connect(address, self._policy.write_timeout)
        self._blacklist = RedisBlacklist(client, self.keys, clock, feed_length=self._policy.feed_length)
        self._keeper = Keeper(self._round)
        self._state = DependencyState(is_up=False, since=clock.wall(), reason="starting")
        self._connection: RedisConnection | None = None
        self._look_ups: LookUps | None = None
        self._publishing: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()
        self._is_rising = False
        self._falls = 0
        self._newest = 0
        self._evictions = 0
        self._is_doubtful = False

    @property
    def state(self) -> DependencyState:
        """Whether look-ups are answered, since when, and why not."""
        return self._state

    async def start(self) -> None:
        """Try once to come up, and go on in the background. Never raises."""
        await self._keeper.start()

    async def close(self) -> None:
        """Finish what is being published, and disconnect."""
        await self._keeper.close()
        if self._publishing:
            await asyncio.wait(self._publishing)
        self._fall("closed")
        await self._blacklist.close()

    def glance(self, token: VerifiedToken) -> Standing | None:
        """See `RevocationStore`: Redis is asked every time."""
        return None

    def inquire(self, token: VerifiedToken, settle: Settle) -> bool:
        """See `RevocationStore`."""
        if self._look_ups is None:
            return False
        self._look_ups.inquire(token, settle)
        return True

    async def look_up(self, token: VerifiedToken) -> Standing:
        """Return what Redis knows of the token.

        Raises:
            RevocationUnavailable: nobody can say. While the store is down, it takes no time to find that out.
        """
        if self._look_ups is None:
            raise RevocationUnavailable
        return await self._look_ups.ask(token)

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """Write recorded revocations. Never raises; a caller that goes away does not stop it.

        While the store is down, nothing is tried: it does not come up without what the log has by then.
        """
        if revocations and not self._is_down:
            task = asyncio.get_running_loop().create_task(self._publish(tuple(revocations)))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)
            await asyncio.shield(task)

    async def check(self) -> Sequence[str]:
        """Examine the server for `doctor`; return what should be changed, one sentence each.

        Raises:
            DependencyError: it cannot be reached, or does not let us in.
            ConfigurationError: it is one that can never be used.
        """
        return await examine(self._address, self._tls, self.keys, self._log, deadline=self._policy.write_timeout)

    async def _publish(self, revocations: Sequence[Revocation]) -> None:
        async with self._writing:  # in the order of the sequence, and over one connection
            if self._is_down:
                return
            connection = self._connection
            try:
                held = await self._blacklist.publish(revocations)
                # While it rises, the number may be missing because a rebuild is under way.
                if connection is not None:
                    await self._ensure_visible(connection, held)
            except RedisFault as fault:
                self._fall(str(fault))

    async def _ensure_visible(self, connection: RedisConnection, held: int | None = 0) -> None:
        """Make sure that look-ups see what was written: they go over another connection, perhaps to another server."""
        seen = await connection.call(b"GET", self.keys.sequence)
        if held is None or not self._is_complete(seen) or self._newest < held:
            raise RedisFault(_LOST_WRITES)

    @property
    def _is_down(self) -> bool:
        return self._look_ups is None and not self._is_rising

    # --- going down ---

    def _fall(self, reason: str) -> None:
        """Answer nobody until Redis is known again to have everything."""
        self._falls += 1
        was_up, self._look_ups = self._look_ups is not None, None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(reason)
        since = self._clock.wall() if was_up else self._state.since
        self._state = DependencyState(is_up=False, since=since, reason=reason)
        if was_up:
            self._keeper.wake()

    def _is_complete(self, sequence: object) -> bool:
        """Whether Redis still has the newest number that we know it had."""
        try:
            held = int(sequence) if isinstance(sequence, bytes) else -1
        except ValueError:
            held = -1
        if held < self._newest:
            return False
        self._newest = held
        return True

    # --- coming up, and staying there ---

    async def _round(self) -> float:
        try:
            if self._connection is None:
                await self._rise()
            else:
                await self._inspect(self._connection)
        except RedisFault as fault:
            self._fall(str(fault))
        except StoreUnavailable:
            self._fall("log unavailable")
        if self._look_ups is None:
            return self._policy.retry_every * (0.5 + self._jitter() / 2)
        return self._policy.check_every * (0.9 + self._jitter() / 10)

    async def _rise(self) -> None:
        policy, falls = self._policy, self._falls
        self._is_rising = True
        connection = None
        try:
            connection = await RedisConnection.open(
                self._address, self._tls, connect_timeout=policy.connect_timeout, deadline=policy.deadline
            )
            evictions = await self._blacklist.evictions()
            self._newest = await self._blacklist.align(self._log, from_scratch=self._is_doubtful)
            await self._ensure_visible(connection)
            self._ensure_nothing_failed_since(falls)
        except BaseException:
            if connection is not None:
                connection.close(LOST)
            raise
        finally:
            self._is_rising = False
        self._evictions, self._is_doubtful = evictions, False
        self._connect(connection)

    def _ensure_nothing_failed_since(self, falls: int) -> None:
        if falls != self._falls:  # a revocation that came in between was not taken
            raise RedisFault("behind")

    def _connect(self, connection: RedisConnection) -> None:
        def on_fault(reason: str) -> None:
            if self._connection is connection:
                self._fall(reason)

        self._connection = connection
        self._look_ups = LookUps(connection, self.keys, is_complete=self._is_complete, on_fault=on_fault)
        self._state = DependencyState(is_up=True, since=self._clock.wall())

    async def _inspect(self, connection: RedisConnection) -> None:
        await self._ensure_visible(connection)
        evictions = await self._blacklist.evictions()
        if evictions > self._evictions:
            self._is_doubtful = True
            raise RedisFault("evictions")
        self._evictions = evictions
        try:
            if await self._log.sequence() > self._newest:
                await self._blacklist.align(self._log, from_scratch=False)
        except StoreUnavailable:
            pass  # Redis has what it had, and what is recorded here comes by `publish`
