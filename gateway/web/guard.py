"""Which pages may use endpoints that act on cookies, and who may get a refresh token into its hands.

A browser sends `Origin` with every POST, and a page of another site cannot set `X-Crossfade` without a preflight that
is never allowed for it. Both together prove a page of our own (OWASP, cross-site request forgery).
"""

from dataclasses import dataclass

from gateway.errors import OriginRefused
from gateway.model import RequestHead

_ASKS = b"1"


@dataclass(frozen=True, slots=True)
class Guard:
    """`public_origin` is the origin of the public URL, as browsers write it; never taken from Host."""

    public_origin: bytes

    def is_own_page(self, head: RequestHead) -> bool:
        """Whether a page of the site itself asks."""
        return head.origin == self.public_origin and head.asks == _ASKS

    def ensure_own_page(self, head: RequestHead) -> None:
        """Let only a page of the site itself act on cookies.

        Raises:
            OriginRefused: another origin, none, or no `X-Crossfade: 1`. No cookie is cleared for it.
        """
        if not self.is_own_page(head):
            raise OriginRefused

    def ensure_no_page(self, head: RequestHead) -> None:
        """Keep refresh tokens out of the reach of scripts.

        Raises:
            OriginRefused: a browser asks; it says so by `Origin` or `Sec-Fetch-*`.
        """
        if head.origin is not None or any(name.lower().startswith(b"sec-fetch-") for name, _ in head.fields):
            raise OriginRefused("A page gets its refresh token as a cookie.")

    def ensure_program(self, head: RequestHead) -> None:
        """Let only a program, no page, act on a cookie that it sends itself.

        Raises:
            OriginRefused: a browser asks, or `X-Crossfade: 1` is missing, which no page can set across origins.
        """
        self.ensure_no_page(head)
        if head.asks != _ASKS:
            raise OriginRefused
