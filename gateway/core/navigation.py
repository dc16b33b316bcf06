"""What a browser says of a request by itself: whether a new page begins, and whose page asked (Fetch metadata).

No script can set or forge `Sec-Fetch-*`; a browser that is too old for them, or a site without https, sends none.
"""

from gateway.model import RequestHead


def is_navigation(head: RequestHead) -> bool:
    """Whether the answer becomes the next page of a tab: a GET for a document, in no frame of another page.

    Where `Sec-Fetch-Mode` and `-Dest` are not sent, `Accept` says it. A client that sends `X-Crossfade` is a program.
    """
    if head.method != b"GET" or head.asks is not None or head.websocket:
        return False
    mode, destination = head.find(b"sec-fetch-mode"), head.find(b"sec-fetch-dest")
    if mode is None and destination is None:
        return b"text/html" in (head.find(b"accept") or b"").lower()
    return mode == b"navigate" and destination == b"document"


def is_from_elsewhere(head: RequestHead) -> bool:
    """Whether a page of another site, or of another host of this one, made the browser send the request."""
    return head.find(b"sec-fetch-site") in (b"cross-site", b"same-site")


def is_loaded_by_another_site(head: RequestHead) -> bool:
    """Whether a page of another site loads something into itself, and does not lead to a page."""
    return head.find(b"sec-fetch-site") == b"cross-site" and head.find(b"sec-fetch-mode") != b"navigate"


def is_from_own_page(head: RequestHead, public_origin: bytes) -> bool:
    """Whether a page of `public_origin` itself asks; `Origin` decides where it is sent."""
    if head.origin is not None:
        return head.origin == public_origin
    return head.find(b"sec-fetch-site") == b"same-origin"
