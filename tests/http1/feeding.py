"""Ways to cut the same bytes."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from gateway.http1.fields import FieldTable
from gateway.http1.head import HeadReader
from gateway.http1.limits import Limits
from gateway.model import RequestHead

Cut = Callable[[bytes], Iterator[bytes]]

IDENTITY = ["X-Auth-Subject", "X-Auth-Credential", "X-Auth-Session", "X-Auth-Scope", "X-Auth-Roles"]


def whole(raw: bytes) -> Iterator[bytes]:
    """One piece."""
    yield raw


def bytewise(raw: bytes) -> Iterator[bytes]:
    """Each byte alone."""
    for at in range(len(raw)):
        yield raw[at : at + 1]


both_cuts = pytest.mark.parametrize("cut", [whole, bytewise])


def pieces(raw: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Cut at the given places, in any order, some of them perhaps equal."""
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    for begin, end in pairwise(places):
        yield raw[begin:end]


def read_head(parts: Iterator[bytes], limits: Limits | None = None) -> tuple[RequestHead | None, bytes]:
    """Feed pieces until a head is complete; returns it with all bytes behind it."""
    reader = HeadReader(FieldTable(IDENTITY), limits or Limits())
    for part in parts:
        head = reader.feed(part)
        if head is not None:
            return head, reader.rest + b"".join(parts)
    return None, b""
