"""Sessions that a real PHP 8.2 wrote, with both of its handlers, and what its `serialize` can hold."""

import pytest

from gateway.codec import OPAQUE, Entry, Query, Row, UnreadableSession, UserMapping
from gateway.formats.php import unserialize
from gateway.legacy.php import PhpRecords
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import verdict_of
from tests.legacy.vectors import VECTORS

WRITTEN = VECTORS["php"]["php_handler"].encode()
ID = "0123456789abcdef0123456789abcdef"
COOKIE = {b"PHPSESSID": ID.encode()}
CODEC = PhpRecords(UserMapping("main", "user_id", {"name": "u.name", "f": "f"}))


def test_the_handler_php() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (WRITTEN, 1000.0)

    assert verdict_of(CODEC, COOKIE, 9e9, fetch) == LegacySession("main", ID, "42", {"name": "ann", "f": 1.5})
    assert asked == [Entry("sess_", ID)]


def test_members_of_objects_are_found_by_their_names() -> None:
    codec = PhpRecords(UserMapping("main", "u.id"))
    assert verdict_of(codec, COOKIE, 0, lambda _: (WRITTEN,)) == LegacySession("main", ID, "42")
    assert verdict_of(PhpRecords(UserMapping("main", "u.x.0")), COOKIE, 0, lambda _: (WRITTEN,)) == LegacySession(
        "main", ID, "1"
    )


def test_the_handler_php_serialize() -> None:
    codec = PhpRecords(UserMapping("main", "auth.id"), prefix="PHPREDIS_SESSION:", handler="php_serialize")
    record = b'a:2:{s:4:"auth";a:1:{s:2:"id";s:3:"ada";}s:1:"x";N;}'
    assert verdict_of(codec, COOKIE, 0, lambda _: (record,)) == LegacySession("main", ID, "ada")


def test_a_reference_is_opaque_and_the_rest_is_read() -> None:
    written = VECTORS["php"]["with_reference_breaks_phpserialize"].encode() + b"user_id|i:7;"
    assert verdict_of(CODEC, COOKIE, 0, lambda _: (written,)) == LegacySession("main", ID, "7")
    shared = PhpRecords(UserMapping("main", "ref2.k"))
    assert verdict_of(shared, COOKIE, 0, lambda _: (written,)) == Undetermined("unreadable")


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", Anonymous("no_user")),
        (b"cart|a:0:{}", Anonymous("no_user")),
        (b"!user_id|cart|i:1;", Anonymous("no_user")),
        (b"user_id|N;", Anonymous("no_user")),
        (b"user_id|b:0;", Anonymous("no_user")),
        (b"user_id|b:1;", Undetermined("unreadable")),
        (b"user_id|i:1;user_id|i:2;", Undetermined("unreadable")),
        (b'user_id|C:1:"A":4:{i:1;}', Undetermined("unreadable")),
        (b'user_id|E:8:"Role:Foo";', Undetermined("unreadable")),
        (b"\x07user_idi:1;", Undetermined("unreadable")),
    ],
)
def test_what_a_session_may_hold(data: bytes, verdict: Anonymous | Undetermined) -> None:
    assert verdict_of(CODEC, COOKIE, 0, lambda _: (data,)) == verdict


def test_a_file_that_is_being_written_is_looked_at_once_more() -> None:
    contents = [WRITTEN[:20], WRITTEN]
    verdict = verdict_of(CODEC, COOKIE, 0, lambda _: (contents.pop(0),))
    assert isinstance(verdict, LegacySession)
    assert verdict_of(CODEC, COOKIE, 0, lambda _: (WRITTEN[:20],)) == Undetermined("unreadable")


@pytest.mark.parametrize("cookie", [b"", b"short", b"../../etc/passwd0000", b"a/b" * 10, b"x" * 257, b"x\0" * 20])
def test_a_cookie_that_cannot_be_a_key_asks_for_nothing(cookie: bytes) -> None:
    def fetch(_: Query) -> Row | None:
        raise AssertionError

    assert verdict_of(CODEC, {b"PHPSESSID": cookie}, 0, fetch) == Anonymous("absent")


def test_no_record() -> None:
    assert verdict_of(CODEC, COOKIE, 0) == Anonymous("gone")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"b:0;", False),
        (b"i:-7;", -7),
        (b"d:0.1;", 0.1),
        (b'a:2:{i:0;s:1:"a";i:1;s:1:"b";}', ["a", "b"]),
        (b'a:2:{i:1;s:1:"a";i:0;s:1:"b";}', {"1": "a", "0": "b"}),
        (b's:2:"\xc3\xa9";', "é"),
        (b's:1:"\xff";', "\udcff"),
        (b'O:1:"A":2:{s:4:"\0A\0x";i:1;s:1:"x";i:2;}', {"x": OPAQUE}),
    ],
)
def test_values(text: bytes, value: object) -> None:
    assert unserialize(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"i:1",
        b"i:1_0;",
        b"i:1;x",
        b's:9:"a";',
        b"a:1:{",
        b"a:999999999:{}",
        b"a:1:{N;N;}",
        b"a:1:{a:1:{" * 80,
        b"Q:1;",
    ],
)
def test_what_is_no_value(text: bytes) -> None:
    with pytest.raises(UnreadableSession):
        unserialize(text)
