"""From the first signal to the end: not ready, go on for a while, finish what was begun, leave."""

import asyncio
import signal
from collections.abc import Callable
from typing import Protocol


class Server(Protocol):
    """What is drained; see `wire.server.WireServer`."""

    def drain(self) -> None:
        """Let every connection end with the answer that it waits for."""
        ...

    @property
    def is_only_endless(self) -> bool:
        """Whether only tunnels and event streams are left."""
        ...

    async def wait_idle(self, timeout: float) -> bool:  # noqa: ASYNC109 - a bound of the wait, whose passing is an answer
        """Say whether everything has ended within `timeout` seconds."""
        ...

    def abort(self) -> None:
        """End everything at once."""
        ...


SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
"""What a supervisor waits for, and a process that it forks therefore begins with blocked."""


class Stop:
    """What the signals have asked for so far.

    SIGTERM asks for a drain. SIGINT (Ctrl-C) asks for one without the delay, since no load balancer is told by a
    person at a terminal. A second signal of either kind ends everything at once.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._now = asyncio.Event()

    def install(self, loop: asyncio.AbstractEventLoop, reload: Callable[[], None]) -> None:
        """Listen to signals from now on, also to those that came while they were blocked; SIGHUP calls `reload`."""
        loop.add_signal_handler(signal.SIGTERM, self.terminate)
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        loop.add_signal_handler(signal.SIGHUP, reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def terminate(self) -> None:
        """SIGTERM."""
        if self.asked.is_set():
            self._hurry.set()
            self._now.set()
        self.asked.set()

    def interrupt(self) -> None:
        """SIGINT."""
        self.terminate()
        self._hurry.set()

    def abandon(self) -> None:
        """Whoever would start this process again is gone: end at once rather than live on alone."""
        self.asked.set()
        self._hurry.set()
        self._now.set()

    async def pause(self, seconds: float) -> None:
        """Wait, but not when in a hurry."""
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            pass

    async def finish(self, server: Server, seconds: float) -> bool:
        """Let the server finish what was begun, for at most `seconds`; what is left is aborted.

        Returns whether everything was finished. Tunnels and event streams have no end to wait for: they go on until
        then, so that their clients lose them late, and are told to come back.
        """
        server.drain()
        idle = asyncio.ensure_future(server.wait_idle(seconds))
        now = asyncio.ensure_future(self._now.wait())
        await asyncio.wait({idle, now}, return_when=asyncio.FIRST_COMPLETED)
        now.cancel()
        is_idle = idle.done() and idle.result()
        is_finished = is_idle or server.is_only_endless
        if not is_idle:
            idle.cancel()
            server.abort()
        return is_finished
