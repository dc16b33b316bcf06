"""What the wire needs from the flow, as Protocols."""

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

from gateway.core.response import Looked
from gateway.errors import GatewayError
from gateway.headers import Pairs
from gateway.http1.response import ResponseHead
from gateway.model import Answer, Peer, Permit, RequestHead, Standing, Visit

Decision = Permit | Visit | Answer


class Inquiry(Protocol):
    """One question and one answer that a decision lacks; awaited, it is a story. See `flow.inquiry.Inquiry`."""

    def __await__(self) -> Generator[Any, None, Decision]: ...

    def ask(self, settle: Callable[[Standing | None], None]) -> bool:
        """Have `settle` told once what to `decide` by, later; False where it never will be. It never raises."""
        ...

    def decide(self, standing: Standing | None) -> Decision | Coroutine[Any, Any, Decision]:
        """Decide by the answer, or return a story that ends with the decision. None where nobody was asked.

        Raises:
            GatewayError: the request is refused.
        """
        ...


class Flow(Protocol):
    """Decides what becomes of a request; see `flow.request.RequestFlow`."""

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Decision | Coroutine[Any, Any, Decision] | Inquiry:
        """Decide at once, or return what there is to do until the decision. `now` is in seconds since 1970.

        Raises:
            GatewayError: the request is refused.
        """
        ...

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        """Turn an error into the answer for this client."""
        ...


class Watch(Protocol):
    """Looks at responses; see `flow.watch.ResponseWatch`."""

    def find_lines(self, permit: Permit, head: RequestHead, response: ResponseHead) -> bytes | None:
        """Return the fields as the client gets them, as lines; None where `needs_look` and `edit` have to be asked."""
        ...

    def edit(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, ours: Pairs | None = None) -> Pairs:
        """Return the fields as the client gets them, with what a look has found for our cookies."""
        ...

    def needs_look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> bool:
        """Whether the response is held until `look` has returned."""
        ...

    async def look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, now: float) -> Looked:
        """Act on what the response tells about the session; returns the fields to edit, and cookies of ours."""
        ...

    def awaits_logout(self, permit: Permit, head: RequestHead) -> bool:
        """Whether the request may end a session, so that `look_after` is owed to it when nobody sees its response."""
        ...

    async def look_after(self, permit: Permit, head: RequestHead, now: float) -> None:
        """Look at the session once more: there was no response. `now` is in seconds since 1970."""
        ...


class LiveIndex(Protocol):
    """Finds what a revocation ends; see `flow.live.Live`."""

    @property
    def moment(self) -> int:
        """Where in the order of revocations we are; taken before a request is admitted, for `add`."""
        ...

    def add(self, permit: Permit, end: Callable[[], None], since: int | None = None) -> object | None:
        """Remember a tunnel or a long response; None when nothing can revoke it.

        `end` is called at most once, and never raises. `since` is the moment from which on revocations count that
        have come already; without it, only those to come.

        Raises:
            SessionEnded: one has come since then; nothing is remembered.
        """
        ...

    def remove(self, handle: object) -> None:
        """Forget one that ended by itself."""
        ...
