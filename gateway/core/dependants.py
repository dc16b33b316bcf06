"""What sort of request still depends on a session cookie, as far as it says."""

from gateway.facts import Dependant
from gateway.model import RequestHead

_FRAMES = frozenset({b"document", b"frame", b"iframe", b"embed", b"object", b"fencedframe"})


def kind_of(head: RequestHead) -> Dependant:
    """Tell a page from what it loads and from programs, by `Sec-Fetch-*` (Fetch Metadata, W3C)."""
    if head.websocket or b"text/event-stream" in (head.find(b"accept") or b"").lower():
        return Dependant.STREAM
    destination = head.find(b"sec-fetch-dest")
    if destination is None:
        return Dependant.PROGRAM
    if destination in _FRAMES:
        return Dependant.NAVIGATION
    return Dependant.SCRIPT if destination == b"empty" else Dependant.SUBRESOURCE
