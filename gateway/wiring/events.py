"""Who listens to the Redis servers of applications, and where what is heard goes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from gateway.flow.removals import Removals
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import CodecSession
from gateway.stores.redis_address import parse_redis_url
from gateway.wiring.entries import find_prefix
from gateway.wiring.extras import ensure_installed

if TYPE_CHECKING:
    from gateway.stores.session_events import SessionEvents

_MOST_LOOKS = 256
"""Looks at once; what is removed beyond that is found when it is looked at next."""

Environ = Mapping[str, str]
Heard = Callable[[str], None]
"""Takes the key of a session whose record was removed."""


class SessionListeners:
    """Listens for all sites that are configured so. `now` returns seconds since 1970.

    One process of a gateway does, the one whose it is: what it finds reaches the others.

    Raises:
        ConfigurationError: an address, or the package for it, is missing.
    """

    def __init__(
        self, settings: Settings, environ: Environ, removals: Removals, now: Callable[[], float], *, is_ours: bool
    ) -> None:
        self._removals = removals
        self._now = now
        self._looks: set[asyncio.Task[None]] = set()
        self._events = {
            session.name: open_events(session, environ, partial(self._hear, session.name))
            for session in sessions_with_events(settings)
            if is_ours
        }

    def states(self) -> Mapping[str, str]:
        """Return what each site's listening comes to: on, off or away."""
        return {site: str(events.hearing) for site, events in self._events.items()}

    async def start(self) -> None:
        """Begin to listen. Never raises: a server that is away is tried again."""
        await asyncio.gather(*(events.start() for events in self._events.values()))

    async def close(self) -> None:
        """Stop listening, and looking."""
        for events in self._events.values():
            await events.close()
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

    def _hear(self, site: str, key: str) -> None:
        if len(self._looks) < _MOST_LOOKS:
            look = asyncio.get_running_loop().create_task(self._removals.look(site, key, self._now()))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)


def sessions_with_events(settings: Settings) -> Iterator[CodecSession]:
    """Yield the sessions whose Redis is listened to."""
    for session in settings.sessions:
        redis = getattr(session.place, "redis", None)
        if isinstance(session, CodecSession) and redis is not None and redis.events:
            yield session


def open_events(session: CodecSession, environ: Environ, heard: Heard) -> "SessionEvents":
    """Prepare listening to the Redis of one site.

    Raises:
        ConfigurationError: its address, or the package for it, is missing.
    """
    ensure_installed("redis", "hiredis", extra="redis", wanted_by=f"sessions.{session.name}.place")
    from gateway.stores.session_events import SessionEvents

    redis = getattr(session.place, "redis", None)
    assert redis is not None
    return SessionEvents(parse_redis_url(redis.read(environ)), find_prefix(session) or "", heard)
