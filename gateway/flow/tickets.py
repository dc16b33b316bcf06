"""Tickets: good for one request, for half a minute, for one target; for what can send nothing but an address.

A ticket is the access token that it was made for, sealed together with its end and bound to the target. No store has
to know it, every gateway that shares the master secret can open it, and whoever reads it in a log learns nothing.
"""

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import BadRequest, InvalidToken
from gateway.model import RequestHead
from gateway.ports import ProofReplays

LIFE = 30
"""Seconds."""

SKEW = 60
"""Seconds by which the clocks of gateways may differ, so that it is remembered longer that a ticket was shown."""

MAX_TICKET = 8192
"""Characters of a ticket that are looked at."""

_NONCE = 12
_END = struct.Struct(">d")
_PURPOSE = b"crossfade/ticket/"


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """What a ticket holds: an access token, not yet verified. `name` is the ticket's own, and no secret."""

    token: bytes = field(repr=False)
    name: str
    ends_at: float


class Tickets:
    """Makes and opens tickets under a key of 32 bytes; `replays` knows which were shown, `entropy(n)` draws n bytes."""

    def __init__(self, key: bytes, replays: ProofReplays, entropy: Callable[[int], bytes]) -> None:
        self._seal = AESGCM(key)
        self._replays = replays
        self._entropy = entropy

    def make(self, token: bytes, target: bytes, now: float) -> str:
        """Return a ticket for one GET of `target`, path and query, in the place of an access token."""
        nonce = self._entropy(_NONCE)
        sealed = self._seal.encrypt(nonce, _END.pack(now + LIFE) + token, _PURPOSE + target)
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, head: RequestHead, now: float) -> OpenTicket:
        """Return what the ticket of a request holds; it may have been shown before.

        Raises:
            InvalidToken: it is no ticket of ours, is over, or was made for another target or method.
            BadRequest: there is an `Authorization` beside it.
        """
        if head.authorization is not None:
            raise BadRequest("A ticket and an Authorization header are two credentials.")
        text = head.ticket or b""
        if head.method != b"GET" or len(text) > MAX_TICKET:
            raise InvalidToken("ticket")
        try:
            sealed = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            nonce, content = sealed[:_NONCE], sealed[_NONCE:]
            plain = self._seal.decrypt(nonce, content, _PURPOSE + head.target)
        except (InvalidTag, ValueError, binascii.Error):
            raise InvalidToken("ticket") from None
        (ends_at,) = _END.unpack_from(plain)
        if now >= ends_at:
            raise InvalidToken("ticket")
        return OpenTicket(plain[_END.size :], nonce.hex(), ends_at)

    async def spend(self, ticket: OpenTicket, now: float) -> None:
        """Let a ticket count, for the first and last time.

        Raises:
            InvalidToken: it was shown before.
        """
        if not await self._replays.is_first(ticket.name, ticket.ends_at + SKEW, now):
            raise InvalidToken("ticket")
