"""How long after its end something still matters."""

from gateway.records import Family

LEEWAY_ROOM = 300.0
"""Seconds; more than any leeway that clocks are given (RFC 9068 section 4 speaks of a few minutes)."""


def revocation_end(family: Family) -> float:
    """Return when no access token of the family can be alive any more, in seconds since 1970.

    Access tokens never outlive their family, whatever lifetime was configured when they were issued.
    """
    return family.absolute_expires_at + LEEWAY_ROOM
