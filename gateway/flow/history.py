"""What happened to the tokens of a user or of one family: read where it lasts, told in plain words."""

from collections.abc import Sequence

from gateway.core.history import tell
from gateway.errors import InvalidRequest
from gateway.family_ports import History

_MOST = 500  # families and entries


async def explain(history: History, *, subject: str, family_id: str, now: float) -> Sequence[str]:
    """Return lines about the families of a subject, or about the one with this id, which is the claim `sid`.

    Raises:
        InvalidRequest: not exactly one of both is named.
        StoreUnavailable: nobody can say.
    """
    if bool(subject) is bool(family_id):
        raise InvalidRequest("Name a subject or a session id, and not both.")
    families, entries = await history.of(subject=subject, family_id=family_id, limit=_MOST)
    return tell(families, entries, now)
