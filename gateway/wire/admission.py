"""Where a request goes: the flow decides, and what it decided begins its work."""

import asyncio
from collections.abc import Coroutine
from types import CoroutineType
from typing import Any

from gateway.errors import GatewayError, InternalError
from gateway.model import Answer, Permit, Standing, Visit
from gateway.wire.exchange import Exchange
from gateway.wire.forward import Forward
from gateway.wire.host import Hosting
from gateway.wire.ports import Decision, Inquiry
from gateway.wire.story import Story
from gateway.wire.transport import report

_DECIDED = (Permit, Answer, Visit)


def admit(exchange: Exchange) -> None:
    """Ask the flow, and begin what it decided; the exchange may be over when this returns.

    Raises:
        GatewayError: the request is refused, or could not be passed on.
    """
    wire = exchange.wire
    decided = wire.flow.begin(exchange.head, exchange.client.peer, wire.wall())
    if isinstance(decided, _DECIDED):
        begin(exchange, decided)
    elif isinstance(decided, CoroutineType):  # the abstract class is asked by name, which costs a thousand instructions
        tell(exchange, decided)
    else:
        inquiry: Inquiry = decided  # type: ignore[assignment]  # every coroutine of ours is of that type
        exchange.work = question = Question(exchange, inquiry)
        if not inquiry.ask(question.settle):
            question.settle(None)


def tell(exchange: Exchange, story: Coroutine[Any, Any, Decision]) -> None:
    """Step a story to its end, or to where it waits.

    Raises:
        GatewayError: the request is refused, or could not be passed on.
    """
    try:
        waits = story.send(None)
    except StopIteration as done:
        begin(exchange, done.value)
    else:
        exchange.work = Admission(exchange, story, waits)


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


def give_up(exchange: Exchange, error: BaseException) -> None:
    """Refuse a request; one that cannot even be refused ends with its connection. Never raises."""
    try:
        if isinstance(error, GatewayError):
            exchange.refuse(error)
        else:
            report(error)
            exchange.refuse(InternalError())
    except Exception as bug:
        report(bug)
        exchange.client.cut(reset=True)


class _Undecided:
    """The part of the work on an exchange that nobody does before it is decided."""

    __slots__ = ()

    def body_received(self, payload: bytes, is_last: bool) -> None:
        """Not before somebody takes it."""

    def pause(self) -> None:
        """Nothing is produced here."""

    def resume(self) -> None:
        """Nothing is produced here."""


class Question(_Undecided):
    """The work on an exchange whose admission waits for one answer. A client that leaves is not told of it."""

    __slots__ = ("_exchange", "_inquiry")

    def __init__(self, exchange: Exchange, inquiry: Inquiry) -> None:
        self._exchange: Exchange | None = exchange
        self._inquiry = inquiry

    def settle(self, standing: Standing | None) -> None:
        """Go on with the answer. Never raises: others wait for the same reply, and for those behind it."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        try:
            decided = self._inquiry.decide(standing)
            if isinstance(decided, _DECIDED):
                begin(exchange, decided)
            else:
                tell(exchange, decided)
        except (Exception, asyncio.CancelledError) as error:  # what a story waits for may have been given up
            give_up(exchange, error)

    def abandon(self) -> None:
        """The client has left."""
        self._exchange = None


class Admission(Story[Decision], _Undecided):
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

    def abandon(self) -> None:
        """The client has left."""
        self.cancel()
