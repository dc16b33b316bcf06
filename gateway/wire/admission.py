"""Where a request goes: the flow decides, and what it decided begins its work."""

from collections.abc import Coroutine
from typing import Any

from gateway.errors import GatewayError, InternalError
from gateway.model import Answer, Permit, Visit
from gateway.wire.exchange import Exchange
from gateway.wire.forward import Forward
from gateway.wire.host import Hosting
from gateway.wire.ports import Decision
from gateway.wire.story import Story

_DECIDED = (Permit, Answer, Visit)


def admit(exchange: Exchange) -> None:
    """Ask the flow, and begin what it decided; the exchange may be over when this returns.

    Raises:
        GatewayError: the request is refused, or could not be passed on.
    """
    wire = exchange.wire
    decided = wire.flow.begin(exchange.head, exchange.client.peer, wire.wall())
    if not isinstance(decided, _DECIDED):
        try:
            waits = decided.send(None)
        except StopIteration as done:
            decided = done.value
        else:
            exchange.work = Admission(exchange, decided, waits)
            return
    begin(exchange, decided)


def begin(exchange: Exchange, decision: Decision) -> None:
    """Begin what was decided.

    Raises:
        GatewayError: it could not begin.
    """
    if isinstance(decision, Permit):
        pool = exchange.wire.pools.get(decision.upstream)
        if pool is None:
            raise InternalError
        exchange.work = forward = Forward(exchange, decision, pool)
        forward.start()
    elif isinstance(decision, Answer):
        exchange.answer(decision)
    else:
        exchange.work = hosting = Hosting(exchange, decision)
        hosting.start()


class Admission(Story[Decision]):
    """The work on an exchange whose admission waits for something. A client that leaves ends it."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange, story: Coroutine[Any, Any, Decision], waits: Any) -> None:
        self._exchange = exchange
        super().__init__(story, waits)

    def succeeded(self, result: Decision) -> None:
        """Begin what was decided."""
        begin(self._exchange, result)

    def failed(self, error: GatewayError) -> None:
        """The request is refused, or could not be passed on."""
        self._exchange.refuse(error)

    # --- as the work of an exchange ---

    def body_received(self, payload: bytes, is_last: bool) -> None:
        """Not before somebody takes it."""

    def pause(self) -> None:
        """Nothing is produced here."""

    def resume(self) -> None:
        """Nothing is produced here."""

    def abandon(self) -> None:
        """The client has left."""
        self.cancel()
