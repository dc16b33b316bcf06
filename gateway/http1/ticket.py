"""A ticket in the address: the one credential that stands there, taken out before anybody else reads the target."""

from gateway.errors import BadRequest
from gateway.model import RequestHead

PARAMETER = b"crossfade_ticket="


def take_ticket(head: RequestHead) -> None:
    """Move the ticket of a head that was just read from its target to `head.ticket`, if there is one.

    It is the last parameter of the query. What is left is the target that the ticket was made for, byte for byte.

    Raises:
        BadRequest: the parameter stands twice, or something follows it.
    """
    path, _, query = head.target.partition(b"?")
    *others, last = query.split(b"&")
    if any(parameter.startswith(PARAMETER) for parameter in others):
        raise BadRequest("A ticket stands once in an address, and last.")
    if last.startswith(PARAMETER):
        head.target = path + b"?" + b"&".join(others) if others else path
        head.ticket = last[len(PARAMETER) :]


def with_ticket(target: str, ticket: str) -> str:
    """Return the address of a target with a ticket for it; the reverse of `take_ticket`."""
    return f"{target}{'&' if '?' in target else '?'}{PARAMETER.decode()}{ticket}"
