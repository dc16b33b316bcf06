"""What all connections of one worker share."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

from starlette.types import ASGIApp

from gateway.core.trust import TrustedProxies
from gateway.http1.fields import FieldTable
from gateway.ports import Clock, Facts
from gateway.wire.outbox import Outbox
from gateway.wire.policy import WirePolicy
from gateway.wire.pool import Pool
from gateway.wire.ports import Flow, LiveIndex, Watch
from gateway.wire.wheel import Wheel


class Connection(Protocol):
    """A client's connection, as long as it is open: one that speaks HTTP, a tunnel, or one that is ending."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        ...

    @property
    def is_endless(self) -> bool:
        """Whether what is going on has no end by its nature: a tunnel or an event stream."""
        ...

    def drain(self) -> None:
        """Close when nothing is going on."""
        ...

    def abort(self) -> None:
        """Close at once, so that nothing unfinished looks complete."""
        ...


class Spans:
    """The waits of `WirePolicy` in ticks of the wheel."""

    __slots__ = ("body", "head", "idle", "linger", "tunnel", "write")

    def __init__(self, policy: WirePolicy, wheel: Wheel) -> None:
        self.head = wheel.span(policy.head_timeout)
        self.idle = wheel.span(policy.idle_timeout)
        self.body = wheel.span(policy.body_timeout)
        self.write = wheel.span(policy.write_timeout)
        self.linger = wheel.span(policy.linger)
        self.tunnel = wheel.span(policy.tunnel_idle)


class Wire:
    """The collaborators of every connection, and the connections.

    `request_prefix` is random for each process, so that no two requests of an installation have the same id.
    """

    def __init__(
        self,
        *,
        flow: Flow,
        watch: Watch,
        live: LiveIndex,
        pools: Mapping[str, Pool],
        own: ASGIApp,
        table: FieldTable,
        proxies: TrustedProxies,
        policy: WirePolicy,
        facts: Facts,
        clock: Clock,
        wheel: Wheel,
        request_prefix: str,
    ) -> None:
        self.flow = flow
        self.watch = watch
        self.live = live
        self.pools = pools
        self.own = own
        self.table = table
        self.proxies = proxies
        self.policy = policy
        self.facts = facts
        self.wheel = wheel
        self.spans = Spans(policy, wheel)
        self.outbox = Outbox()
        """What is written to clients, but for tunnels."""
        self.wall: Callable[[], float] = clock.wall
        self.monotonic: Callable[[], float] = clock.monotonic
        self.is_draining = False
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        """Endpoints of ours that run, and looks at sessions whose response nobody waits for."""
        self.stories: set[object] = set()
        """What goes on although its client may have left."""
        self.empty = asyncio.Event()
        """Set whenever the last connection, task or story is gone."""
        self._request_prefix = request_prefix.encode("ascii")
        self._request_count = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on."""
        return not (self.connections or self.tasks or self.stories)

    def next_request_id(self) -> bytes:
        """Return an id for a request that came without one."""
        self._request_count += 1
        return b"%b-%x" % (self._request_prefix, self._request_count)

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a coroutine in a task of its own, and hold on to it until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def leave(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        self._note_emptiness()

    def keep(self, story: object) -> None:
        """Hold on to a story that ends by itself, and then tells `let_go`."""
        self.stories.add(story)

    def let_go(self, story: object) -> None:
        """A story has ended. Telling it twice is harmless."""
        self.stories.discard(story)
        self._note_emptiness()

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self._note_emptiness()

    def _note_emptiness(self) -> None:
        if self.is_idle:
            self.empty.set()
