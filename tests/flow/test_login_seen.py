"""A session begins with a login when a stranger has it afterwards; nothing less lifts the bar of a revoked subject."""

from dataclasses import replace

import pytest

from gateway.errors import SessionUnverifiable
from gateway.facts import Event
from gateway.model import Anonymous, RequestHead, RevocationKind, Undetermined
from tests.flow.door import Door, request
from tests.flow.tokens.world import SITE, World

SET_S2 = b"sessionid=s2; Path=/; HttpOnly"


@pytest.fixture
async def door() -> Door:
    """Ada was revoked while somebody has her session s1; her next one would be s2."""
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    await world.tokens.orders.revoke(RevocationKind.SUBJECT, "ada", "stolen", world.now)
    return Door(world, site=replace(SITE, login_url="/login/"))


async def answer(door: Door, head: RequestHead, *set_cookies: bytes) -> None:
    permit = await door.permit(head)
    door.world.app.log_in(b"s2", "ada")
    await door.look(permit, head, *set_cookies)


async def is_barred(door: Door, cookie: bytes = b"s2") -> bool:
    try:
        await door.world.exchange(cookie)
    except SessionUnverifiable:
        return True
    return False


@pytest.mark.parametrize(
    "head",
    [
        request("/login/", method="POST"),
        request("/callback?code=1"),
        request("/login/", method="POST", cookie=b"sessionid=anonymous"),
        request("/static/login", method="POST", cookie=b"sessionid=s1"),
    ],
    ids=["without a cookie", "by a callback", "from an anonymous session", "where no cookie is let through"],
)
async def test_a_login_is_seen(door: Door, head: RequestHead) -> None:
    await answer(door, head, SET_S2)
    assert not await is_barred(door)
    assert await is_barred(door, b"s1")
    assert Event.LOGIN_SEEN in door.world.facts.events


async def test_a_login_into_a_session_that_keeps_its_id_is_seen_by_its_path(door: Door) -> None:
    door.world.app.verdicts[b"s2"] = Anonymous("no_user")
    await answer(door, request("/login/", method="POST", cookie=b"sessionid=s2"))
    assert not await is_barred(door)


async def test_a_login_goes_with_its_session(door: Door) -> None:
    await answer(door, request("/login/", method="POST"), SET_S2)
    head = request(cookie=b"sessionid=s2")
    permit = await door.permit(head)
    door.world.app.log_out(b"s2")
    door.world.app.log_in(b"s3", "ada")
    await door.look(permit, head, b"sessionid=s3; Path=/")
    assert not await is_barred(door, b"s3")


@pytest.mark.parametrize(
    "head",
    [
        request(cookie=b"sessionid=s1"),
        request("/login/", method="POST", cookie=b"sessionid=s1"),
        request("/assets/page", cookie=b"sessionid=s1"),
        request("/page", authorization=b"Basic YTpi", cookie=b"sessionid=s1"),
        request(cookie=b"remember=stolen"),
        request("/login/", method="POST", cookie=b"remember=stolen"),
        request(cookie=b"sessionid=anonymous; sessionid=s1; sessionid=anonymous"),
    ],
    ids=[
        "a session that goes on",
        "a session that goes on at the login page",
        "a cookie that nobody read",
        "a credential of the application's own",
        "a cookie that remembers",
        "a cookie that remembers, at the login page",
        "two cookies of one name",
    ],
)
async def test_a_new_session_of_somebody_who_had_one_is_no_login(door: Door, head: RequestHead) -> None:
    await answer(door, head, SET_S2)
    assert await is_barred(door)


@pytest.mark.parametrize("verdict", [Undetermined("unreachable"), Anonymous("bad_signature"), Anonymous("expired")])
async def test_what_the_application_may_read_differently_is_no_stranger(
    door: Door, verdict: Undetermined | Anonymous
) -> None:
    door.world.app.verdicts[b"s1"] = verdict
    await answer(door, request("/login/", method="POST", cookie=b"sessionid=s1"), SET_S2)
    assert await is_barred(door)


async def test_a_login_of_somebody_else_lifts_nothing(door: Door) -> None:
    head = request("/login/", method="POST")
    permit = await door.permit(head)
    door.world.app.log_in(b"s2", "bob")
    await door.look(permit, head, SET_S2)
    door.world.app.log_in(b"s2", "ada")
    assert await is_barred(door)
