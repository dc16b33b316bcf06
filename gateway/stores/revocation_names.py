"""A set of names that expire, small enough for a million of them in every worker.

A name is kept as a keyed hash: Python hashes strings by SipHash under a key drawn for each process. Two names that
share one, of which nobody can choose a pair, count as both named: a collision refuses. A dictionary of as many hashes
takes four times the memory, and one sorted list would stop everything while it grows or forgets.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

_BUCKET_BITS = 14
_BYTE_BITS = 20
_SPAN_BITS = 15
_SPAN = 1800
"""Names expire together in spans of half an hour, never early. In seconds."""

_HASH = (1 << 63) - 1
_BYTE = (1 << _BYTE_BITS) - 1
_BUCKET = (1 << _BUCKET_BITS) - 1
_LAST_SPAN = (1 << _SPAN_BITS) - 1
_NO_FLAGS = bytes(1 << (_BYTE_BITS - _BUCKET_BITS))
_SWEPT_AT_ONCE = 64


class ExpiringNames:
    """Names by 63 bits of their hashes. `now` is the time of the construction; spans are counted from there.

    The low 14 bits of a hash choose a bucket; an entry of the bucket, a sorted array, holds the other 49 above the
    number of its span. A flag for the low 23 bits says whether anything may be there at all: most names are not in the
    set, and for them the flag is the whole look-up. The flags are bits, a megabyte of them, which stays in the caches
    of a processor; as bytes they cost each request two misses. 20 bits choose the byte, the next three the bit.
    """

    def __init__(self, now: float) -> None:
        self._first_span = int(now // _SPAN)
        self._flags = bytearray(1 << _BYTE_BITS)
        self._buckets: list[array[int] | None] = [None] * (1 << _BUCKET_BITS)
        self._count = 0
        self._hand = 0

    def may_hold(self, one: str, other: str) -> bool:
        """Whether either name may be in the set: for most, the one question that is asked."""
        flags, first, second = self._flags, hash(one), hash(other)
        some, more = flags[first & _BYTE], flags[second & _BYTE]
        return bool(
            (some and some >> (first >> _BYTE_BITS & 7) & 1) or (more and more >> (second >> _BYTE_BITS & 7) & 1)
        )

    def __contains__(self, name: str) -> bool:
        key = hash(name) & _HASH
        if not self._flags[key & _BYTE] >> (key >> _BYTE_BITS & 7) & 1:
            return False
        bucket = self._buckets[key & _BUCKET]
        assert bucket is not None  # as its flag is set
        lowest = key >> _BUCKET_BITS << _SPAN_BITS
        at = bisect_left(bucket, lowest)
        return at < len(bucket) and bucket[at] <= lowest | _LAST_SPAN

    def __len__(self) -> int:
        return self._count

    def add(self, name: str, expires_at: float) -> None:
        """Remember a name until then, in seconds since 1970; one that is there already is never shortened."""
        key = hash(name) & _HASH
        bucket = self._buckets[key & _BUCKET]
        if bucket is None:
            bucket = self._buckets[key & _BUCKET] = array("Q")
        lowest = key >> _BUCKET_BITS << _SPAN_BITS
        entry = lowest | min(max(int(expires_at // _SPAN) - self._first_span, 0), _LAST_SPAN)
        at = bisect_left(bucket, lowest)
        if at < len(bucket) and bucket[at] <= lowest | _LAST_SPAN:
            bucket[at] = max(bucket[at], entry)
            return
        bucket.insert(at, entry)
        self._flags[key & _BYTE] |= 1 << (key >> _BYTE_BITS & 7)
        self._count += 1

    def fill(self, names: Iterable[tuple[str, float]]) -> None:
        """Add many names in a third of the time. No name may be looked for before `finish_filling`."""
        buckets, flags, first = self._buckets, self._flags, self._first_span
        for name, expires_at in names:
            key = hash(name) & _HASH
            span = int(expires_at) // _SPAN - first
            if not 0 <= span <= _LAST_SPAN:
                span = 0 if span < 0 else _LAST_SPAN
            bucket = buckets[key & _BUCKET]
            if bucket is None:
                bucket = buckets[key & _BUCKET] = array("Q")
            bucket.append(key >> _BUCKET_BITS << _SPAN_BITS | span)
            flags[key & _BYTE] |= 1 << (key >> _BYTE_BITS & 7)

    def finish_filling(self) -> None:
        """Sort and count what `fill` has added."""
        self._buckets = [None if bucket is None else array("Q", sorted(bucket)) for bucket in self._buckets]
        self._count = sum(len(bucket) for bucket in self._buckets if bucket is not None)

    def discard_expired(self, now: float, *, buckets: int = _SWEPT_AT_ONCE) -> int:
        """Look through so many of the 16384 buckets, from where the last call ended; return how many names went."""
        before, over = self._count, int(now // _SPAN) - self._first_span
        for number in range(self._hand, self._hand + buckets):
            self._sweep(number & _BUCKET, over)
        self._hand = (self._hand + buckets) & _BUCKET
        return before - self._count

    def _sweep(self, number: int, over: int) -> None:
        bucket = self._buckets[number]
        if bucket is None:
            return
        kept = array("Q", [entry for entry in bucket if entry & _LAST_SPAN >= over])
        if len(kept) == len(bucket):
            return
        self._count -= len(bucket) - len(kept)
        self._buckets[number] = kept or None
        self._flags[number :: 1 << _BUCKET_BITS] = _NO_FLAGS
        for entry in kept:
            key = entry >> _SPAN_BITS << _BUCKET_BITS | number
            self._flags[key & _BYTE] |= 1 << (key >> _BYTE_BITS & 7)
