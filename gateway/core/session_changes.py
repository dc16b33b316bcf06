"""What a response does to the cookies of a session: what was sent, what was changed, what is left."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from gateway.core.credentials import Site
from gateway.headers import Pairs, SetCookie
from gateway.model import Anonymous, LegacySession, Permit, SessionCookie, Verdict


class Seen(NamedTuple):
    """What became of a session with a response: over, or going on with these cookies; else nobody knows."""

    is_over: bool = False
    session: LegacySession | None = None
    shown: SessionCookie | None = None


def is_replaced(after: Verdict, site: Site, changes: Sequence[SetCookie]) -> bool:
    """Whether the application put a session without a user in the place of the user's: Flask-Login and passport do."""
    is_set = last_change(changes, site.cookies[0]) == "set"
    return is_set and isinstance(after, Anonymous) and after.reason == "no_user"


def last_change(changes: Sequence[SetCookie], name: bytes) -> Literal["", "set", "deleted"]:
    """What became of a cookie in the end: a response may delete it and set it anew."""
    last = next((change for change in reversed(changes) if change.name == name), None)
    return "" if last is None else "deleted" if last.is_deletion else "set"


def session_before(permit: Permit, site: Site) -> LegacySession | None:
    """The session of a site that a request was made with, whether its cookie was shown or attached."""
    if permit.session is not None and permit.session.site == site.name:
        return permit.session
    vaulted = permit.vaulted
    if vaulted is not None and vaulted.site == site.name:
        return LegacySession(vaulted.site, vaulted.session_key, vaulted.subject)
    return None


def cookies_sent(permit: Permit, site: Site) -> Pairs:
    """The cookies of a site's session that the application was sent."""
    if permit.vaulted is not None:
        return list(permit.vaulted.cookies)
    shown = permit.shown
    return list(shown.cookies) if shown is not None and shown.site == site.name else []


def applied(sent: Mapping[bytes, bytes], changes: Sequence[SetCookie]) -> dict[bytes, bytes]:
    """The cookies that a browser would send next."""
    cookies = dict(sent)
    for change in changes:
        cookies.pop(change.name, None)
        if not change.is_deletion:
            cookies[change.name] = change.value
    return cookies
