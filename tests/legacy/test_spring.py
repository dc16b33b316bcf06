"""What a real Spring Security 6.3 serialized, in the hash of Spring Session; JSON; rows of JDBC."""

import base64
import json

import pytest

from gateway.codec import Entry, Lookup, Query, Row, UnreadableSession, UserMapping
from gateway.formats.java import JavaObject, load_java
from gateway.legacy.spring import SpringDatabase, SpringRedis
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import verdict_of
from tests.legacy.vectors import VECTORS

CONTEXT, LAST_ACCESS, INTERVAL = (base64.b64decode(text) for text in VECTORS["spring"]["vectors"])
ID = "0f4a6b1e-6a40-4a0e-b8ac-3f6c7d2b9e11"
COOKIE = {b"SESSION": base64.b64encode(ID.encode())}
BEGIN = 1404360000.0
REDIS = SpringRedis(UserMapping("main", "name", {"roles": "authorities"}))
JDBC = SpringDatabase(UserMapping("main", "name"))


def test_redis_with_java_serialization() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return (CONTEXT, LAST_ACCESS, INTERVAL)

    assert verdict_of(REDIS, COOKIE, BEGIN + 1799, fetch) == LegacySession(
        "main", ID, "ann", {"roles": ["ROLE_USER", "ROLE_ADMIN"]}, expires_at=BEGIN + 1800
    )
    fields = ("sessionAttr:SPRING_SECURITY_CONTEXT", "lastAccessedTime", "maxInactiveInterval")
    assert asked == [Entry("spring:session:sessions:", ID, fields)]


def test_the_hash_outlives_the_session() -> None:
    row = (CONTEXT, LAST_ACCESS, INTERVAL)
    assert verdict_of(REDIS, COOKIE, BEGIN + 1800, lambda _: row) == Anonymous("expired")


def json_context(principal: object, **more: object) -> bytes:
    authorities = ["java.util.Collections$UnmodifiableList", [{"@class": "A", "authority": "ROLE_USER"}]]
    authentication = {"principal": principal, "authorities": authorities, "authenticated": True, **more}
    return json.dumps({"authentication": authentication}).encode()


USER = {"@class": "org.springframework.security.core.userdetails.User", "username": "ann"}


def test_redis_with_json() -> None:
    row = (json_context(USER), b"1404360000000", b"1800")
    verdict = verdict_of(REDIS, COOKIE, BEGIN, lambda _: row)
    assert verdict == LegacySession("main", ID, "ann", {"roles": ["ROLE_USER"]}, expires_at=BEGIN + 1800)


def test_a_principal_of_the_applications_own_class_is_named_by_a_path_or_not_at_all() -> None:
    row = (json_context({"@class": "shop.Customer", "username": "x", "number": 7}), b"1404360000000", b"-1")
    assert verdict_of(REDIS, COOKIE, BEGIN, lambda _: row) == Undetermined("unreadable")
    codec = SpringRedis(UserMapping("main", "principal.number"))
    assert verdict_of(codec, COOKIE, BEGIN, lambda _: row) == LegacySession("main", ID, "7")


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ((None, LAST_ACCESS, INTERVAL), Anonymous("no_user")),
        ((json_context(USER, authenticated=False), LAST_ACCESS, INTERVAL), Anonymous("no_user")),
        ((CONTEXT, None, INTERVAL), Undetermined("unreadable")),
        ((CONTEXT[:-9], LAST_ACCESS, INTERVAL), Undetermined("unreadable")),
    ],
)
def test_what_a_hash_may_hold(row: Row, verdict: Anonymous | Undetermined) -> None:
    assert verdict_of(REDIS, COOKIE, BEGIN, lambda _: row) == verdict


def test_jdbc_names_the_user_in_a_column() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> Row:
        asked.append(query)
        return ("ann", 2000)

    assert verdict_of(JDBC, COOKIE, 1.9, fetch) == LegacySession("main", ID, "ann", expires_at=2.0)
    assert asked == [Lookup("spring_session", "session_id", ID, ("principal_name", "expiry_time"))]
    assert verdict_of(JDBC, COOKIE, 2, fetch) == Anonymous("expired")
    assert verdict_of(JDBC, COOKIE, 0, lambda _: (None, 2000)) == Anonymous("no_user")
    assert verdict_of(JDBC, COOKIE, 0, lambda _: ("ann", "soon")) == Undetermined("unreadable")
    assert verdict_of(JDBC, COOKIE, 0) == Anonymous("gone")


def test_the_route_of_a_load_balancer_is_no_part_of_the_id() -> None:
    codec = SpringDatabase(UserMapping("main", "name"), suffix=".node1")
    assert codec.locate({b"SESSION": base64.b64encode(f"{ID}.node1".encode())}) == ID


@pytest.mark.parametrize("cookie", [b"", b"%%%", base64.b64encode(b"a b"), base64.b64encode(b"\xff" * 20), b"short"])
def test_a_cookie_that_cannot_be_an_id(cookie: bytes) -> None:
    assert verdict_of(JDBC, {b"SESSION": cookie}, 0) == Anonymous("absent")
    assert verdict_of(REDIS, {b"SESSION": cookie}, 0) == Anonymous("absent")


def test_no_class_is_its_own_parent() -> None:
    """A class descriptor whose parent is a reference to itself would have lineage without end."""
    head = b"\xac\xed\x00\x05"
    description = b"\x72\x00\x01A" + bytes(8) + b"\x02\x00\x00\x78\x71\x00\x7e\x00\x00"
    with pytest.raises(UnreadableSession):
        load_java(head + b"\x73" + description)


def test_values() -> None:
    assert load_java(b"\xac\xed\x00\x05\x74\x00\x02ok") == "ok"
    assert load_java(b"\xac\xed\x00\x05\x70") is None
    assert load_java(LAST_ACCESS) == JavaObject("java.lang.Long", {"value": 1404360000000})
    with pytest.raises(UnreadableSession):
        load_java(b"\xac\xed\x00\x05\x75")


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def object_with(name: str, field: str, value: bytes) -> bytes:
    """Write an object of a class with one field, as Java does."""
    described = (
        text(name) + bytes(8) + b"\x02\x00\x01L" + text(field) + b"\x74" + text("Ljava/lang/Object;") + b"\x78\x70"
    )
    return b"\x73\x72" + described + value


def test_an_array_of_the_principal_is_opaque() -> None:
    """Arrays may share each other, so that a few bytes would unfold without end."""
    array = b"\x75\x72" + text("[Ljava.lang.Object;") + bytes(8) + b"\x02\x00\x00\x78\x70" + bytes(4)
    principal = object_with("shop.Customer", "tags", array)
    context = b"\xac\xed\x00\x05" + object_with("C", "authentication", object_with("A", "principal", principal))
    assert isinstance(load_java(context), JavaObject)
    for mapping in (UserMapping("main", "principal.tags"), UserMapping("main", "principal.tags.0")):
        verdict = verdict_of(SpringRedis(mapping), COOKIE, BEGIN, lambda _: (context, LAST_ACCESS, INTERVAL))
        assert verdict == Undetermined("unreadable")
