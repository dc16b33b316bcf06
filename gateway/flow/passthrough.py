"""The way back that needs nothing: with `ENABLE_JWT_AUTH=false` no store, no key and no schema is opened.

Framing stays strict, and what is ours is stripped; everything else is the application's business.
"""

from gateway.core.credentials import has_token_of_ours
from gateway.core.phases import posture_of
from gateway.core.rescue import answer_error
from gateway.core.response import Looked, without_mark
from gateway.core.routes import Access, RouteTable, Rule
from gateway.core.translate import Translator
from gateway.errors import Forbidden, GatewayError, PhaseOff
from gateway.headers import Pairs
from gateway.http1.response import ResponseHead
from gateway.model import Answer, Peer, Permit, Phase, RequestHead


class PassthroughFlow:
    """Admits every request. `issuer` is empty when the configuration could not be read, and nothing is ours then."""

    def __init__(self, *, routes: RouteTable, translator: Translator, issuer: str, own_prefix: bytes) -> None:
        self.posture = posture_of(Phase.OFF, "environment")
        self._routes = routes
        self._translator = translator
        self._issuer = issuer
        self._own_prefix = own_prefix

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Permit:
        """Let the request through; a client that asks for us is told that tokens are off.

        Raises:
            PhaseOff: the request is for an address of ours.
            Forbidden: the address is closed while tokens are off.
        """
        if head.asks is not None and head.path.startswith(self._own_prefix):
            raise PhaseOff
        rule = self._routes.match(head.target).rule
        ensure_open(rule)
        return self._translator.transparent(head, rule, has_our_token=shows_token_of(self._issuer, head))

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        """Turn an error into the answer for this client."""
        return answer_error(error, head=head, request_id=request_id)


def ensure_open(rule: Rule) -> None:
    """Check what a rule says about tokens being off.

    Raises:
        Forbidden: it asks for a credential that nobody can have now, and says to deny then.
    """
    if rule.auth is Access.REQUIRED and rule.in_off == "deny":
        raise Forbidden("This address is closed while tokens are switched off.")


def shows_token_of(issuer: str, head: RequestHead) -> bool:
    """Whether the Authorization holds a token that claims this issuer; nothing of it is verified."""
    return bool(issuer) and head.authorization is not None and has_token_of_ours(head.authorization, issuer)


class PassthroughWatch:
    """Changes nothing in responses and looks at nothing."""

    def find_lines(self, permit: Permit, head: RequestHead, response: ResponseHead) -> bytes | None:
        """Return the lines as they are, unless our own mark may be among them."""
        return None if response.is_notable else response.lines

    def edit(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, ours: Pairs | None = None) -> Pairs:
        """Return the fields as they are, but for our own mark: a client must see that we are out of the way."""
        return without_mark(fields)

    def needs_look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs) -> bool:
        """Never."""
        return False

    def awaits_logout(self, permit: Permit, head: RequestHead) -> bool:
        """Never."""
        return False

    async def look_after(self, permit: Permit, head: RequestHead, now: float) -> None:
        """Do nothing."""

    async def look(self, permit: Permit, head: RequestHead, status: int, fields: Pairs, now: float) -> Looked:
        """Return the fields as they are."""
        return Looked(fields)
