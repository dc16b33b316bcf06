"""Sessions that were changed and then signed with the right secret: what they hold cannot surprise what reads it.

There is one of three verdicts and never an exception; and no session costs more than its length allows, in bytes of
what is decoded, in memory or in steps.
"""

import pickle
import sys
import tracemalloc
import uuid
import zlib
from collections.abc import Callable, Sequence
from types import FrameType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.codec import MAX_TEXT, UnreadableSession, inflate
from gateway.formats.java import load_java
from gateway.formats.packed import load_msgpack
from gateway.formats.php import unserialize
from gateway.formats.pickled import load_pickle
from gateway.formats.ruby import load_marshal
from gateway.model import LegacySession
from tests.legacy.sealing import SEALED
from tests.legacy.test_any_bytes import is_one_of_three

_OBJECT = 256
"""Bytes of memory that one byte may cost: an empty list costs about 80, and most readers copy once."""
_AT_MOST = 512 * 1024
"""Bytes of memory that any session may cost: zlib alone takes half of them to sign one."""
_CALLS = 40
"""Calls of functions that one byte may cost."""

DIGITS = b"9" * 400
"""A number that no float can hold."""
words = st.sampled_from(
    [DIGITS, b"-", b"NaN", b"1e999", b"[", b"{", b"I", b"}", b":", b";", b"|", b".", b'"', b"\xff", b"\0", b"user_id"]
)
pieces = st.binary(max_size=4) | words | st.builds(lambda word, count: word * count, words, st.integers(2, 1500))
edits = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 8), pieces), max_size=4)


def edited(seed: bytes, changes: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Replace so many bytes at a place by others, one change after the other."""
    for place, length, piece in changes:
        at = place % (len(seed) + 1)
        seed = seed[:at] + piece + seed[at + length :]
    return seed


def contents_of(name: str) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=100) | st.builds(edited, st.sampled_from(SEALED[name].seeds), edits)


@pytest.mark.parametrize("name", SEALED)
def test_the_seeds_reach_what_reads_them(name: str) -> None:
    """Without this, a fuzzer could go round in front of a closed door."""
    verdicts = [SEALED[name].read(seed) for seed in SEALED[name].seeds]
    assert any(
        isinstance(verdict, LegacySession) or getattr(verdict, "reason", "") == "not_bound" for verdict in verdicts
    )


@pytest.mark.parametrize("name", SEALED)
def test_a_session_that_was_changed_and_signed_again_has_one_of_three_verdicts(name: str) -> None:
    @settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.data_too_large])
    @given(contents_of(name))
    @example(b'{"user_id": 1, "_session_expiry": ' + DIGITS + b"}")
    @example(b'{"user_id": 1, "_session_expiry": NaN}')
    @example(b"1" + DIGITS)
    @example(b"\x04\x08[\x06" + b"I" * 1500)
    @example(b"\x04\x08o" + b"I:\x06a\x06" * 400)
    @example(b"\x04\x08{\x06:\x06al+\x02\xff\x7f" + b"\xff" * 0xFFFE)
    @example(b'""')
    def holds(content: bytes) -> None:
        verdict = SEALED[name].read(content)
        assert is_one_of_three(verdict)
        if isinstance(verdict, LegacySession) and verdict.expires_at is not None:
            assert abs(verdict.expires_at) < float("inf")  # and it is a number

    holds()


# --- what a session costs ---


def cost_of(work: Callable[[], object]) -> tuple[int, int]:
    """Return how much memory a piece of work had at most, in bytes, and how many functions it called."""
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    tracemalloc.start()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak, calls


def ensure_cheap(work: Callable[[], object], length: int) -> None:
    peak, calls = cost_of(work)
    assert peak <= _OBJECT * length + _AT_MOST
    assert calls <= _CALLS * length + 3000


@pytest.mark.parametrize("name", SEALED)
def test_a_session_costs_no_more_than_its_length_allows(name: str) -> None:
    @settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.data_too_large])
    @given(contents_of(name))
    def holds(content: bytes) -> None:
        ensure_cheap(lambda: SEALED[name].read(content), len(content))

    holds()


COSTLY: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "empty arrays of MessagePack": (load_msgpack, b"\xdc\x4e\x20" + b"\x90" * 20_000),
    "empty objects of MessagePack": (load_msgpack, b"\xdc\x4e\x20" + b"\x80" * 20_000),
    "empty lists of pickle": (load_pickle, b"\x80\x02](" + b"]" * 20_000 + b"e."),
    "one list of pickle, again and again": (load_pickle, b"\x80\x02](]q\x01" + b"h\x01" * 10_000 + b"e."),
    "empty arrays of PHP": (unserialize, b"a:2000:{" + b"i:0;a:0:{}" * 2000 + b"}"),
    "empty arrays of Ruby": (load_marshal, b"\x04\x08[\x02\x10\x27" + b"[\0" * 10_000),
    "one text of Ruby, again and again": (
        load_marshal,
        b'\x04\x08[\x02\x10\x27"\x02\x00\x10' + b"x" * 4096 + b"@\x06" * 9999,
    ),
    "objects of Java without a field": (
        load_java,
        b"\xac\xed\0\x05ur\0\x01[" + bytes(8) + b"\x02\0\0xp\0\0\x07\xd0" + b"sr\0\x01A" + bytes(8) + b"\x02\0\0xp"
        + b"sq\0\x7e\0\x02" * 1999,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTLY)
def test_what_was_made_to_be_costly_is_not(name: str) -> None:
    read, data = COSTLY[name]

    def work() -> None:
        try:
            read(data)
        except UnreadableSession:
            return

    ensure_cheap(work, len(data))


def test_numbers_that_a_dictionary_would_take_for_one_are_no_keys() -> None:
    """A dictionary with 9000 of them takes a second to build, and four times as many sixteen seconds."""
    pairs = [(n * (2**61 - 1)).to_bytes(11, "little") for n in range(9000)]
    with pytest.raises(UnreadableSession):
        load_pickle(b"\x80\x02}(" + b"".join(b"\x8a\x0b%bN" % number for number in pairs) + b"u.")
    identifiers = {f"item {n}": uuid.UUID(int=2**127 + n) for n in range(100)}  # each of which holds such a number
    assert isinstance(load_pickle(pickle.dumps(identifiers)), dict)
    assert load_msgpack(b"\x83\x01\xc0\xa1a\xc0\x90\xc0") == {"1": None, "a": None}


@pytest.mark.parametrize("size", [1000, 60_000, 64 * 1024])
def test_a_small_session_may_be_packed_as_tightly_as_it_goes(size: int) -> None:
    assert inflate(zlib.compress(b"x" * size)) == b"x" * size


@pytest.mark.parametrize("size", [64 * 1024 + 1, MAX_TEXT, 2 * MAX_TEXT, 10_000_000])
def test_a_large_one_unfolds_to_no_more_than_ten_times_its_length(size: int) -> None:
    with pytest.raises(UnreadableSession):
        inflate(zlib.compress(b"x" * size))


def test_a_large_one_that_is_packed_as_sessions_are_is_read() -> None:
    text = b"".join(b'{"product":%d,"quantity":%d},' % (n * n, n % 7) for n in range(6000))
    assert 64 * 1024 < len(text) < MAX_TEXT
    assert inflate(zlib.compress(text)) == text
