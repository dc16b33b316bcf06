"""The planned road back: a browser that holds only a token gets its session cookie again."""

from gateway.core.credentials import Site, find_cookie
from gateway.errors import BadRequest
from gateway.headers import Pairs
from gateway.model import RequestHead, VaultedSession


def handed_back(
    head: RequestHead, vaulted: VaultedSession, site: Site, *, is_secure: bool, has_expired: bool = False
) -> tuple[tuple[bytes, bytes], ...]:
    """Return the Set-Cookie fields that give a client its vaulted session cookies, as far as it does not show them.

    The session cookie decides: a client that shows one, whichever, keeps what it has, unless that `has_expired` by age:
    another may have followed, which only the token knows of. A page of another site gets none, and nobody does for a
    ticket: an address can be given to others, who would go on in the session of its author.
    """
    if (
        head.ticket is not None
        or (_shows(head, site.cookies[0]) and not has_expired)
        or head.find(b"sec-fetch-site") in (b"cross-site", b"same-site")
    ):
        return ()
    pairs: Pairs = [(b"set-cookie", _session_cookie(name, value, is_secure)) for name, value in vaulted.cookies]
    return tuple(pairs)


def _shows(head: RequestHead, name: bytes) -> bool:
    try:
        return find_cookie(head.cookie, name) is not None
    except BadRequest:  # shown more than once
        return True


def _session_cookie(name: bytes, value: bytes, is_secure: bool) -> bytes:
    # The value is the application's own, byte for byte; its attributes are not known, so the narrowest are set.
    return b"%b=%b; Path=/; HttpOnly; SameSite=Lax%b" % (name, value, b"; Secure" if is_secure else b"")
