"""Cross-origin requests (Fetch standard, CORS protocol): preflights answered, headers added to every answer."""

from dataclasses import dataclass

from gateway.headers import Pairs
from gateway.model import Answer, RequestHead

_OURS = (b"authorization", b"x-crossfade")
_EXPOSED = b"www-authenticate, retry-after, x-crossfade, x-request-id, date, dpop-nonce"
_MAX_AGE = b"600"


def is_any_preflight(head: RequestHead) -> bool:
    """Whether a browser asks what a page may send; it never shows a credential with the question (Fetch standard)."""
    return (
        head.method == b"OPTIONS"
        and head.origin is not None
        and head.find(b"access-control-request-method") is not None
    )


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """The origins that may call with credentials, as browsers write them (`https://app.example.com`)."""

    origins: frozenset[bytes] = frozenset()

    def is_preflight(self, head: RequestHead) -> bool:
        """Whether a browser asks on behalf of a listed origin what it may send."""
        return head.origin in self.origins and is_any_preflight(head)

    def answer_preflight(self, head: RequestHead) -> Answer:
        """Allow what was asked for, our own headers included. Never needs a credential."""
        asked = head.find(b"access-control-request-headers") or b""
        names = dict.fromkeys(name.strip().lower() for name in asked.split(b",") if name.strip())
        allowed = b", ".join(names | dict.fromkeys(_OURS))
        fields = [
            *self.response_fields(head),
            (b"access-control-allow-methods", head.find(b"access-control-request-method") or b"GET"),
            (b"access-control-allow-headers", allowed),
            (b"access-control-max-age", _MAX_AGE),
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]
        return Answer(204, tuple(fields))

    def response_fields(self, head: RequestHead) -> Pairs:
        """Return the fields that every answer to a listed origin carries, errors included."""
        if head.origin is None or head.origin not in self.origins:
            return []
        return [
            (b"access-control-allow-origin", head.origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _EXPOSED),
        ]
