"""The processes that a supervisor looks after: what each does, and what of the sockets and pipes is its own."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.observe.families import ADMIN, WORKER
from gateway.serve.fork import Log, fork
from gateway.serve.listeners import Sockets, bind_all
from gateway.serve.mailboxes import Mailbox, open_mailboxes
from gateway.serve.parts import serve_admin, serve_worker
from gateway.serve.plans import Plan
from gateway.serve.restarts import Restarts
from gateway.serve.running import Kin
from gateway.serve.sockets import bind_tcp
from gateway.wiring.share import Share


@dataclass(slots=True, eq=False)
class Child:
    """One place among the processes, whoever fills it. `stripe` is where it counts; `pid` is 0 while nobody does."""

    name: str
    role: str
    stripe: "memoryview[float]"
    mailbox: Mailbox
    sockets: Sockets
    pid: int = 0
    started_at: float = 0.0
    """Monotonic seconds."""
    due: float | None = 0.0
    """When it is to be started; None while it runs."""
    restarts: Restarts = field(default_factory=Restarts)


class Family:
    """All children, and what they share. It exists before any of them, and outlives them."""

    def __init__(self, plan: Plan, log: Log) -> None:
        """Bind all sockets.

        Raises:
            StartError: one cannot be had.
        """
        self._plan = plan
        self._log = log
        self.layout = plan.measures.layout
        self.stripes = self.layout.allocate(plan.workers + 2)
        self._boxes = open_mailboxes(plan.workers + 1)
        self._lifeline, self._hand = os.pipe()
        where = plan.listening
        first = bind_all(where.listen, where.admin, where.metrics, needs_admin=plan.needs_admin, is_shared=True)
        self._address = replace(where.listen, port=first.data[0].getsockname()[1])
        self._admin_sockets = replace(first, data=())
        self.faults = first.faults
        data = [first.data, *(self._bind() for _ in range(plan.workers - 1))]
        self.workers = [
            Child(f"worker {number + 1}", WORKER, self.stripes[number], self._boxes[number], _only(sockets))
            for number, sockets in enumerate(data)
        ]
        self.admin = Child("admin", ADMIN, self.stripes[plan.workers], self._boxes[plan.workers], self._lent())
        self.all = [self.admin, *self.workers]

    def start(self, child: Child, now: float) -> None:
        """Start the process of a child; a worker that lost its sockets gets new ones.

        Raises:
            StartError: it can have none.
        """
        if child.role == WORKER and not child.sockets.data:
            child.sockets = _only(self._bind())
        child.pid = fork(lambda: self._begin(child), self._log, child.name)
        child.started_at, child.due = now, None

    def take_socket(self, child: Child) -> None:
        """Listen no more for a worker that keeps dying, so that nobody waits for it."""
        child.sockets.close()
        child.sockets = _only(())

    def close_data(self) -> None:
        """Leave listening to the workers alone, so that it ends with them."""
        for worker in self.workers:
            self.take_socket(worker)

    def close(self) -> None:
        """Close what is left, and delete the file of the local socket."""
        self.close_data()
        self._admin_sockets.close()
        for box in self._boxes:
            box.close()
        os.close(self._lifeline)
        os.close(self._hand)

    async def _begin(self, child: Child) -> int:
        """Go on as the child: let go of what belongs to others."""
        os.close(self._hand)
        for other in self.workers:
            if other is not child:
                other.sockets.close()
        kin = Kin(child.mailbox, self._lifeline)
        share = Share(
            metrics=self._plan.measures.metrics(child.stripe),
            brake=self._plan.brake,
            workers=self._plan.workers,
            keeps_house=child is self.admin,
            siblings=child.mailbox,
        )
        if child is self.admin:
            return await serve_admin(self._plan, share, child.sockets, kin, self.stripes)
        self._lent().close()
        return await serve_worker(self._plan, share, child.sockets, kin)

    def _bind(self) -> Sequence[socket.socket]:
        return bind_tcp(self._address, name="listen", is_shared=True)

    def _lent(self) -> Sockets:
        sockets = self._admin_sockets
        return replace(sockets, local=None if sockets.local is None else sockets.local.lent())


def _only(data: Sequence[socket.socket]) -> Sockets:
    return Sockets(data=data, admin=(), local=None)
