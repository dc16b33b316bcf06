"""Sessions whose records leave the application's Redis, heard of as it happens: keyspace events.

Redis tells them to whoever listens in that moment and keeps none, so nothing may depend on them. What was missed is
found when the session is looked at next. https://redis.io/docs/latest/develop/use/keyspace-notifications/
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError, ResponseError

from gateway.stores.keeper import Keeper
from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_client import connect

_EVENTS = ("del", "expired", "evicted")
"""What removes a record. That one was renamed is no end: the session has another id then."""
_SETTING = "notify-keyspace-events"
_ASK_AGAIN = 30
"""Beats without news after which the server is asked again whether it sends any."""


class Hearing(StrEnum):
    """Whether events come in."""

    ON = "on"
    OFF = "off"
    """The server is reached, and does not send them."""
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class EventPolicy:
    """Times in seconds: how long a silence is before the server is asked whether it is there, and between attempts."""

    beat: float = 1.0
    retry_every: float = 1.0
    timeout: float = 1.0


class SessionEvents:
    """Listens for the keys that begin with `prefix`, and calls `heard` with the rest of each that was removed.

    The user that it logs in as needs `+subscribe +ping` and the channels `&__keyevent@*`; with `+config|get` it also
    notices that the server is not configured to send events.
    """

    def __init__(
        self, address: RedisAddress, prefix: str, heard: Callable[[str], None], policy: EventPolicy | None = None
    ) -> None:
        self.hearing = Hearing.AWAY
        self._policy = policy or EventPolicy()
        self._prefix = prefix.encode()
        self._heard = heard
        self._channels = [f"__keyevent@{address.database}__:{event}" for event in _EVENTS]
        self._redis = connect(address, self._policy.timeout)
        self._listener: PubSub | None = None
        self._is_asked = False
        self._beats = 0
        self._keeper = Keeper(self._round)

    async def start(self) -> None:
        """Try once to connect, and go on in the background. Never raises."""
        await self._keeper.start()

    async def close(self) -> None:
        """Stop listening."""
        await self._keeper.close()
        await self._leave()
        await self._redis.aclose()

    async def examine(self) -> Hearing:
        """Try once, and return whether events would come in. Never raises."""
        await self._round()
        return self.hearing

    async def _round(self) -> float:
        """Subscribe, or listen until nothing has come for a beat."""
        try:
            if self._listener is None:
                self._listener = await self._subscribe()
                self.hearing = await self._ask()
            else:
                await self._listen(self._listener)
        except (RedisError, OSError, TimeoutError):
            self.hearing = Hearing.AWAY
            await self._leave()
            return self._policy.retry_every
        return 0.0

    async def _subscribe(self) -> PubSub:
        """Subscribe, and wait until the server has said so.

        Raises:
            RedisError, OSError: it cannot be reached, or does not let us.
        """
        listener = self._redis.pubsub()
        try:
            await listener.subscribe(*self._channels)
            await self._await_consent(listener)
        except BaseException:
            await listener.aclose()  # type: ignore[no-untyped-call]
            raise
        self._is_asked = False
        return listener

    async def _await_consent(self, listener: PubSub) -> None:
        for _ in self._channels:
            if await listener.get_message(timeout=self._policy.timeout) is None:
                raise TimeoutError

    async def _ask(self) -> Hearing:
        """Ask for the setting; a server that does not let us ask is believed to send events."""
        try:
            found = await self._redis.config_get(_SETTING)
        except ResponseError:
            return Hearing.ON
        flags = {flag for value in found.values() for flag in value or ""}
        return Hearing.ON if "E" in flags and ("A" in flags or {"g", "x"} <= flags) else Hearing.OFF

    async def _listen(self, listener: PubSub) -> None:
        """Take what comes. In a silence, see whether the server is there, and now and then whether it would speak."""
        while (message := await listener.get_message(timeout=self._policy.beat)) is not None:
            self._is_asked = False
            if message["type"] == "message":
                self._take(message["data"])
        if self._is_asked:
            raise TimeoutError
        self._is_asked = True
        await listener.ping()
        self._beats += 1
        if self._beats % _ASK_AGAIN == 0:
            self.hearing = await self._ask()

    def _take(self, key: bytes) -> None:
        self.hearing = Hearing.ON
        if key.startswith(self._prefix):
            self._heard(key[len(self._prefix) :].decode("utf-8", "surrogateescape"))

    async def _leave(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.aclose()  # type: ignore[no-untyped-call]
