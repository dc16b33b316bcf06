"""Permits that were built before, found again by what was shown and by the rule; never a verdict.

A permit is here only where it follows from the bytes of the credential and of the cookies, the rule, and what was
proved. Whether that still holds is asked for each request: times, blacklist, vault, session. What else a permit depends
on stands beside it and is compared: the generation of the keys, the phase, the rule itself.
"""

from typing import NamedTuple

from gateway.core.phases import Posture
from gateway.core.routes import Rule
from gateway.lately import Lately
from gateway.model import Credential, Permit, RequestHead

SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
"""Methods for which no CSRF pair is added."""

_OVERHEAD = 1024  # what the objects of one permit cost beside the bytes that were shown, at most


class _Entry(NamedTuple):
    stamp: int
    posture: Posture
    rule: Rule
    permit: Permit


class Ready:
    """A map bounded in bytes."""

    def __init__(self, limit: int = 16 << 20) -> None:
        self._permits: Lately[_Entry] = Lately(limit)

    def find(self, head: RequestHead, rule: Rule, posture: Posture, stamp: int) -> Permit | None:
        """Return the permit that would be built now if what it was built from still holds.

        `stamp` is the generation of the keys. A rule or posture that is equal to another is not taken for it.
        """
        entry = self._permits[head.authorization, head.cookie, rule.path]
        if entry is None:
            return None
        known_stamp, known_posture, known_rule, permit = entry
        if known_stamp != stamp or known_posture is not posture or known_rule is not rule:
            return None
        return permit if permit.token is None or head.method in SAFE else None

    def keep(self, head: RequestHead, rule: Rule, posture: Posture, stamp: int, permit: Permit) -> None:
        """Remember a permit, where the next request that shows the same gets the same."""
        if _may_come_again(head, permit) and not _is_decided_anew(permit, posture):
            weight = len(head.authorization or b"") + 3 * len(head.cookie or b"") + _OVERHEAD
            key = (head.authorization, head.cookie, rule.path)
            self._permits.keep(key, _Entry(stamp, posture, rule, permit), weight)


def _is_decided_anew(permit: Permit, posture: Posture) -> bool:
    """Whether each request counts: a session that is on its way out, a token beside which a session is handed back."""
    if permit.token is None:
        return posture.prefers_tokens and permit.session is not None
    return posture.hands_back_to(permit.token.subject)


def _may_come_again(head: RequestHead, permit: Permit) -> bool:
    """Whether a permit depends on nothing but what this module names, and whatever is a verdict is asked anew."""
    token, shown = permit.token, permit.shown
    if permit.answer or permit.without:
        return False
    match permit.credential:
        case Credential.BEARER:  # of ours; possession of a key is proved for each request
            return token is not None and not token.bound_key and head.method in SAFE
        case Credential.TOKEN_COOKIE:  # the session beside it is looked at again too
            return token is not None and not token.bound_key and head.method in SAFE
        case Credential.SESSION:  # duplicates are counted each time
            return permit.session is not None and shown is not None and not shown.duplicated
        case Credential.NONE:  # nobody was shown; that a cookie is nobody's is never remembered
            return shown is None
        case _:  # what is counted each time
            return False
