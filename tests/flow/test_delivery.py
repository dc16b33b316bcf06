"""Tokens as cookies: who gets them with a page, who does not, and how one that expired is renewed within a request."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.credentials import Site
from gateway.core.routes import Rule
from gateway.errors import BadRequest, LoginRequired, RevocationUnavailable, SessionUndetermined, StoreUnavailable
from gateway.facts import Event
from gateway.flow.tokens import Grant
from gateway.headers import Pairs, read_set_cookie
from gateway.model import Credential, Phase, RequestHead, Undetermined
from tests.flow.door import ACCESS, REFRESH, Door, request
from tests.flow.tokens.world import ISSUER, World

PAGE: Pairs = [(b"Sec-Fetch-Mode", b"navigate"), (b"Sec-Fetch-Dest", b"document"), (b"Sec-Fetch-Site", b"none")]
IMAGE: Pairs = [(b"Sec-Fetch-Mode", b"no-cors"), (b"Sec-Fetch-Dest", b"image"), (b"Sec-Fetch-Site", b"same-origin")]
SESSION = b"sessionid=s1"
HOUR = 3600.0


@pytest.fixture
async def door() -> Door:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    return Door(world, delivers=True)


def page(cookie: bytes = SESSION, fields: Pairs = PAGE, **more: object) -> RequestHead:
    return request("/page", cookie=cookie, fields=list(fields), **more)  # type: ignore[arg-type]


def from_site(site: bytes) -> Pairs:
    return [*PAGE[:2], (b"Sec-Fetch-Site", site)]


async def answer(door: Door, head: RequestHead, fields: Pairs | None = None, status: int = 200) -> Pairs:
    """What the client gets when the application answers with these fields."""
    permit = await door.permit(head)
    fields = fields or []
    ours = None
    if door.watch.needs_look(permit, head, status, fields):
        fields, ours = await door.watch.look(permit, head, status, fields, door.world.now)
    return door.watch.edit(permit, head, status, fields, ours)


def given(fields: Pairs) -> dict[bytes, bytes]:
    """The cookies of ours that a response sets, by name; a deleted one is empty."""
    cookies = [read_set_cookie(value, 0.0) for name, value in fields if name == b"set-cookie"]
    assert len({cookie.name for cookie in cookies}) == len(cookies)
    return {cookie.name: cookie.value for cookie in cookies}


def cookie_of(tokens: dict[bytes, bytes], *more: bytes) -> bytes:
    return b"; ".join([*(b"%b=%b" % pair for pair in tokens.items()), *more])


async def delivered(door: Door) -> dict[bytes, bytes]:
    tokens = given(await answer(door, page()))
    assert tokens.keys() == {ACCESS, REFRESH}
    return tokens


def tokens_of(grant: Grant) -> dict[bytes, bytes]:
    return {ACCESS: grant.access_token.encode(), REFRESH: grant.refresh_token.encode()}


# --- given ---


async def test_the_first_page_of_a_session_brings_both_tokens_and_the_next_one_goes_by_them(door: Door) -> None:
    tokens = await delivered(door)
    permit = await door.permit(page(cookie_of(tokens)))
    assert permit.credential is Credential.TOKEN_COOKIE
    assert permit.identity is not None
    assert permit.identity.subject == "ada"
    assert permit.cookie == SESSION
    assert not permit.answer
    assert Event.DELIVERED in door.world.facts.events


async def test_an_answer_with_tokens_is_kept_by_no_cache_that_others_share(door: Door) -> None:
    fields = await answer(door, page(), [(b"Cache-Control", b"max-age=60")])
    assert (b"cache-control", b"max-age=60, private") in fields
    assert (b"vary", b"authorization, cookie") in fields


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Cache-Control", b"public, max-age=60")],
        [(b"Cache-Control", b"s-maxage=60")],
        [(b"CDN-Cache-Control", b"max-age=60")],
        [(b"Set-Cookie", b"sessionid=; Path=/; Max-Age=0")],
        [(b"Set-Cookie", b"sessionid=nobody; Path=/")],
    ],
)
async def test_no_tokens_go_with_what_is_shared_or_with_a_session_that_ends(door: Door, fields: Pairs) -> None:
    assert given(await answer(door, page(), fields)).keys() <= {b"sessionid"}
    assert Event.EXCHANGED not in door.world.facts.events


async def test_tokens_go_with_a_session_that_the_application_writes_anew_each_time(door: Door) -> None:
    world = door.world
    world.app.log_in(b"s1-again", "ada", key="s1")
    tokens = given(await answer(door, page(), [(b"Set-Cookie", b"sessionid=s1-again; Path=/")]))
    assert (await door.permit(page(cookie_of(tokens)))).cookie == b"sessionid=s1-again"


async def test_no_tokens_go_with_a_session_cookie_that_came_twice_whatever_the_answer_makes_of_it(door: Door) -> None:
    head = page(b"sessionid=planted; sessionid=s1")
    assert given(await answer(door, head, [(b"Set-Cookie", b"sessionid=s1; Path=/")])) == {}
    assert Event.DUPLICATE_COOKIE in door.world.facts.events


async def test_tokens_go_with_a_session_that_has_just_got_another_id(door: Door) -> None:
    world, head = door.world, page()
    permit = await door.permit(head)
    world.app.log_in(b"s2", "ada")
    world.app.log_out(b"s1")
    looked = await door.watch.look(permit, head, 200, [(b"Set-Cookie", b"sessionid=s2; Path=/")], world.now)
    tokens = given(door.watch.edit(permit, head, 200, *looked))
    assert (await door.permit(page(cookie_of(tokens)))).cookie == b"sessionid=s2"


@pytest.mark.parametrize("status", [304, 404, 500])
async def test_no_tokens_go_with_an_error(door: Door, status: int) -> None:
    assert given(await answer(door, page(), status=status)) == {}


@pytest.mark.parametrize(
    "head",
    [
        page(fields=IMAGE),
        page(fields=from_site(b"cross-site")),
        page(fields=from_site(b"same-site")),
        page(b"sessionid=s1; sessionid=s1"),
        page(b"sessionid=nobody"),
        replace(page(), method=b"POST"),
        replace(page(), cookie=None),
        page(asks=b"1"),
    ],
)
async def test_nobody_else_gets_tokens(door: Door, head: RequestHead) -> None:
    assert given(await answer(door, head)) == {}


async def test_an_old_browser_says_with_accept_that_it_opens_a_page(door: Door) -> None:
    assert given(await answer(door, page(fields=[(b"Accept", b"text/html,*/*")]))).keys() == {ACCESS, REFRESH}


@pytest.mark.parametrize("phase", [Phase.OFF, Phase.HANDBACK, Phase.SHADOW])
async def test_no_phase_that_issues_no_tokens_delivers_them(phase: Phase) -> None:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    assert given(await answer(Door(world, phase=phase, delivers=True), page())) == {}


async def test_without_the_setting_nothing_is_delivered() -> None:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    assert given(await answer(Door(world), page())) == {}


@pytest.mark.parametrize("same_site", [b"Strict", b"None"])
async def test_tokens_are_shown_to_other_sites_as_the_applications_session_cookie_is(
    door: Door, same_site: bytes
) -> None:
    await answer(door, page(), [(b"Set-Cookie", b"sessionid=s1; Path=/; SameSite=" + same_site)])
    lines = [value for name, value in await answer(door, page()) if name == b"set-cookie"]
    assert [line.rpartition(b"SameSite=")[2] for line in lines] == [same_site] * 2


async def test_pages_that_race_open_one_family_in_one_process_and_in_several(door: Door) -> None:
    other = Door(door.world, delivers=True)
    found = [given(fields) for fields in await asyncio.gather(*(answer(each, page()) for each in (door, door, other)))]
    assert len({tokens[REFRESH] for tokens in found}) == 1
    assert len(await door.world.families.families_of_subject("ada", door.world.now)) == 1


async def test_a_session_that_keeps_its_id_when_another_user_signs_in_gives_nobody_the_tokens_of_the_first(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = door.world
    open_family, has_begun, may_go_on = world.families.open_family, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any, **options: Any) -> bool:
        has_begun.set()
        await may_go_on.wait()
        return await open_family(*arguments, **options)

    monkeypatch.setattr(world.families, "open_family", slow)
    first = asyncio.ensure_future(answer(door, page()))
    await has_begun.wait()
    world.app.log_in(b"s1", "eve")
    second = asyncio.ensure_future(answer(door, page()))
    await asyncio.sleep(0)
    may_go_on.set()
    await first
    tokens = given(await second)
    assert (await world.tokens.verify(tokens[ACCESS], now=world.now)).subject == "eve"
    again = given(await answer(door, page()))
    assert (await world.tokens.verify(again[ACCESS], now=world.now)).subject == "eve"


async def test_who_never_keeps_what_he_is_given_leaves_families_to_those_who_ask(door: Door) -> None:
    world = door.world
    for _ in range(40):
        await answer(door, page())
        world.pass_time(400)
    assert len(await world.families.families_of_subject("ada", world.now)) == world.policy.family_cap // 2
    assert (await world.exchange()).family.subject == "ada"


async def test_a_refresh_token_that_the_browser_has_is_gone_on_with(door: Door) -> None:
    grant = await door.world.exchange()
    tokens = given(await answer(door, page(cookie_of({REFRESH: grant.refresh_token.encode()}, SESSION))))
    assert tokens[REFRESH] == grant.refresh_token.encode()
    assert len(await door.world.families.families_of_subject("ada", door.world.now)) == 1


async def test_a_page_never_fails_and_hardly_waits_for_a_store(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*arguments: object, **options: object) -> bool:
        raise StoreUnavailable

    async def silent(*arguments: object, **options: object) -> bool:
        await asyncio.sleep(30)
        raise AssertionError

    for broken in (away, silent):
        monkeypatch.setattr(door.world.families, "open_family", broken)
        assert given(await asyncio.wait_for(answer(door, page()), 10)) == {}
    assert door.world.facts.events.count(Event.DELIVERY_FAILED) == 2


async def test_tokens_that_a_browser_would_drop_are_not_given_and_leave_no_family(door: Door) -> None:
    assert given(await answer(door, page(SESSION + b"; other=" + b"x" * 8000))) == {}
    assert Event.DELIVERY_TOO_LARGE in door.world.facts.events
    assert await door.world.families.families_of_subject("ada", door.world.now) == []
    assert given(await answer(door, page())) == {}  # and are not made for each page


async def test_tokens_that_are_too_large_for_one_page_stay_good_where_another_page_was_given_them(door: Door) -> None:
    """Cookies may belong to a path: of two pages that open one after the other, only one is too large."""
    tokens = await delivered(door)
    assert given(await answer(door, page(SESSION + b"; other=" + b"x" * 8000))) == {}
    permit = await door.permit(page(cookie_of(tokens, SESSION)))
    assert permit.credential is Credential.TOKEN_COOKIE


async def test_tokens_that_are_too_large_for_a_page_stay_good_for_whoever_has_their_refresh_token(door: Door) -> None:
    grant = await door.world.exchange()
    shown = cookie_of({REFRESH: grant.refresh_token.encode()}, SESSION + b"; other=" + b"x" * 8000)
    assert given(await answer(door, page(shown))) == {}
    assert len(await door.world.families.families_of_subject("ada", door.world.now)) == 1


async def test_two_token_cookies_are_refused_and_deleted_so_that_the_next_page_opens(door: Door) -> None:
    door.cookies.domains = (b"www.example.com", b"example.com")
    head = page(SESSION + b"; " + ACCESS + b"=a; " + ACCESS + b"=b")
    with pytest.raises(BadRequest) as refused:
        await door.permit(head)
    answer_ = door.flow.refuse(refused.value, head, "request")
    deleted = [read_set_cookie(value, 0.0) for name, value in answer_.fields if name == b"set-cookie"]
    assert answer_.status == 400
    assert all(cookie.is_deletion for cookie in deleted)
    assert {cookie.name for cookie in deleted} == {ACCESS, REFRESH}


async def test_another_user_in_the_same_browser_gets_tokens_in_place_of_the_first_ones(door: Door) -> None:
    tokens = await delivered(door)
    door.world.app.log_in(b"s2", "bob")
    fresh = given(await answer(door, page(cookie_of(tokens, b"sessionid=s2"))))
    assert Event.SUBJECT_CONFLICT in door.world.facts.events
    permit = await door.permit(page(cookie_of(fresh, b"sessionid=s2")))
    assert permit.token is not None
    assert permit.token.subject == "bob"


async def test_who_keeps_no_cookies_does_not_fill_the_cap_of_the_session(door: Door) -> None:
    found = []
    for _ in range(10):
        found.append(bool(given(await answer(door, page()))))
        door.world.pass_time(31)  # another derivation each time
    assert found == [True, True, True] + [False] * 7
    assert len(await door.world.families.families_of_subject("ada", door.world.now)) == 3
    door.world.pass_time(600)
    assert given(await answer(door, page())).keys() == {ACCESS, REFRESH}


async def test_the_applications_own_authorization_travels_beside_a_token_cookie(door: Door) -> None:
    head = request("/hooks/1", cookie=cookie_of(await delivered(door)), authorization=b"Basic x")
    permit = await door.permit(head)
    assert (permit.credential, permit.cookie) == (Credential.TOKEN_COOKIE, SESSION)
    assert permit.authorization == b"Basic x"


async def test_a_token_cookie_of_another_application_is_passed_over() -> None:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    tokens = await delivered(Door(world, delivers=True))
    rules = (Rule("/*", upstream="other"),)
    other = Door(world, delivers=True, rules=rules, others=(Site("second", "other", (b"second",)),))
    permit = await other.permit(page(cookie_of(tokens)))
    assert (permit.credential, permit.answer, permit.cookie) == (Credential.NONE, (), None)


# --- renewed ---


async def expired(door: Door) -> dict[bytes, bytes]:
    tokens = await delivered(door)
    door.world.pass_time(HOUR + 60)
    return tokens


async def test_a_token_that_expired_is_renewed_within_the_request(door: Door) -> None:
    head = page(cookie_of(await expired(door)), IMAGE)
    permit = await door.permit(head)
    fresh = given(await answer(door, head))
    assert permit.credential is Credential.TOKEN_COOKIE
    assert permit.cookie == SESSION
    assert fresh.keys() == {ACCESS, REFRESH}
    assert (await door.permit(page(cookie_of(fresh), IMAGE))).answer == ()
    assert {Event.REFRESH_ROTATED, Event.COOKIE_RENEWED} <= set(door.world.facts.events)


async def test_cookies_that_have_become_many_beside_a_token_are_no_reason_to_give_it_up(door: Door) -> None:
    tokens = await delivered(door)
    door.world.pass_time(3700)
    permit = await door.permit(page(cookie_of(tokens, b"other=" + b"x" * 8000)))
    assert permit.credential is Credential.TOKEN_COOKIE
    renewed = [read_set_cookie(value, 0.0) for name, value in permit.answer if name == b"set-cookie"]
    assert [cookie.is_deletion for cookie in renewed] == [False, False]


async def test_what_renews_a_token_is_shared_by_no_cache_whatever_the_application_says(door: Door) -> None:
    head = page(cookie_of(await expired(door)), IMAGE)
    told = [(b"Cache-Control", b"public, max-age=60"), (b"Surrogate-Control", b"max-age=60")]
    fields = await answer(door, head, told)
    assert [value for name, value in fields if name.lower() == b"cache-control"] == [b"max-age=60, private"]
    assert b"surrogate-control" not in {name.lower() for name, _ in fields}


async def test_images_that_race_with_one_expired_token_all_get_its_one_successor(door: Door) -> None:
    head = page(cookie_of(await expired(door)), IMAGE)
    other = Door(door.world, delivers=True)
    permits = await asyncio.gather(*(each.permit(head) for each in (door, other) for _ in range(10)))
    assert len({given(list(permit.answer))[REFRESH] for permit in permits}) == 1
    assert door.world.facts.events.count(Event.REFRESH_ROTATED) == 1
    assert Event.REFRESH_REPLAY not in door.world.facts.events


async def test_a_form_of_our_own_page_renews_and_one_of_another_does_nothing(door: Door) -> None:
    cookie = cookie_of(await expired(door))
    forged = replace(page(cookie), method=b"POST", origin=b"https://evil.example")
    permit = await door.permit(forged)
    assert (permit.credential, permit.answer, permit.cookie) == (Credential.NONE, (), None)
    own = await door.permit(replace(page(cookie), method=b"POST", origin=ISSUER.encode()))
    assert own.credential is Credential.TOKEN_COOKIE
    assert not own.without  # the application's own check for forged requests stands
    assert given(list(own.answer)).keys() == {ACCESS, REFRESH}


async def test_what_another_site_loads_renews_nothing_and_where_it_leads_does(door: Door) -> None:
    cookie = cookie_of(await expired(door))
    image = [*IMAGE[:2], (b"Sec-Fetch-Site", b"cross-site")]
    assert (await door.permit(page(cookie, image))).answer == ()
    assert Event.REFRESH_ROTATED not in door.world.facts.events
    assert (await door.permit(page(cookie, from_site(b"cross-site")))).credential is Credential.TOKEN_COOKIE


async def test_a_refresh_token_that_is_worth_nothing_is_deleted_and_the_session_decides(door: Door) -> None:
    tokens = await expired(door)
    head = page(cookie_of({**tokens, REFRESH: b"cfr_forged"}, SESSION), IMAGE)
    permit = await door.permit(head)
    assert permit.credential is Credential.SESSION
    assert given(list(permit.answer)) == {ACCESS: b"", REFRESH: b""}


async def test_a_family_that_was_ended_is_not_renewed(door: Door) -> None:
    tokens = await expired(door)
    (family,) = await door.world.families.families_of_subject("ada", door.world.now)
    await door.world.families.end_families([family.id], "revoked", door.world.now + 9999, door.world.now)
    permit = await door.permit(page(cookie_of(tokens), IMAGE))
    assert permit.credential is Credential.NONE
    assert given(list(permit.answer)) == {ACCESS: b"", REFRESH: b""}


async def test_an_outage_deletes_nothing_and_is_no_login(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = await expired(door)

    async def away(*arguments: object, **options: object) -> object:
        raise StoreUnavailable

    monkeypatch.setattr(door.world.families, "rotate", away)
    with pytest.raises(StoreUnavailable):
        await door.permit(page(cookie_of(tokens), IMAGE))
    permit = await door.permit(page(cookie_of(tokens, SESSION)))
    assert (permit.credential, permit.answer) == (Credential.SESSION, ())
    assert given(await answer(door, page(cookie_of(tokens, SESSION)))) == {}


async def test_a_blacklist_that_is_away_leaves_the_word_to_the_session_where_both_count(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = cookie_of(await delivered(door))
    both = page(cookie + b"; " + SESSION)
    assert (await door.permit(both)).credential is Credential.TOKEN_COOKIE

    async def away(*arguments: object, **options: object) -> object:
        raise RevocationUnavailable

    monkeypatch.setattr(door.world.revocation, "look_up", away)
    permit = await door.permit(both)
    assert (permit.credential, permit.answer) == (Credential.SESSION, ())
    with pytest.raises(RevocationUnavailable):
        await door.permit(page(cookie))
    later = Door(door.world, phase=Phase.PREFER_TOKENS, delivers=True)
    with pytest.raises(RevocationUnavailable):
        await later.permit(both)


async def test_a_session_that_nobody_can_read_is_no_reason_to_log_out(door: Door) -> None:
    tokens = await expired(door)
    door.world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(SessionUndetermined):
        await door.permit(page(cookie_of(tokens), IMAGE))


async def test_a_renewed_token_of_somebody_else_gives_way_to_the_session(door: Door) -> None:
    tokens = await expired(door)
    door.world.app.log_in(b"s2", "bob")
    permit = await door.permit(page(cookie_of(tokens, b"sessionid=s2"), IMAGE))
    assert permit.session is not None
    assert permit.session.subject == "bob"
    assert given(list(permit.answer)) == {ACCESS: b"", REFRESH: b""}


async def test_handback_gives_a_browser_with_tokens_alone_its_session_back_for_them(door: Door) -> None:
    tokens = await expired(door)
    later = Door(door.world, phase=Phase.HANDBACK, delivers=True)
    elsewhere = await later.permit(page(cookie_of(tokens), from_site(b"cross-site")))
    assert (elsewhere.credential, elsewhere.answer) == (Credential.NONE, ())
    permit = await later.permit(page(cookie_of(tokens)))
    assert permit.credential is Credential.TOKEN_COOKIE
    assert given(list(permit.answer)) == {b"sessionid": b"s1", ACCESS: b"", REFRESH: b""}


async def test_handback_renews_beside_a_session_that_has_expired_by_age(door: Door) -> None:
    tokens = await expired(door)
    door.world.app.log_out(b"s0", "expired")
    later = Door(door.world, phase=Phase.HANDBACK, delivers=True)
    permit = await later.permit(page(cookie_of(tokens, b"sessionid=s0")))
    assert given(list(permit.answer)) == {b"sessionid": b"s1", ACCESS: b"", REFRESH: b""}


async def test_handback_renews_nothing_beside_a_session(door: Door) -> None:
    tokens = await expired(door)
    later = Door(door.world, phase=Phase.HANDBACK, delivers=True)
    permit = await later.permit(page(cookie_of(tokens, SESSION)))
    assert permit.credential is Credential.SESSION
    assert given(list(permit.answer)) == {ACCESS: b""}


async def test_a_required_route_is_reached_by_a_renewed_token_alone(door: Door) -> None:
    cookie = cookie_of(await expired(door))
    assert (await door.permit(request("/admin/", cookie=cookie, fields=IMAGE))).token is not None
    with pytest.raises(LoginRequired):
        await door.permit(request("/admin/", cookie=cookie, method="POST", origin=b"null"))


async def test_a_logout_in_the_application_deletes_the_tokens_in_its_answer(door: Door) -> None:
    tokens = await delivered(door)
    head = request("/logout/", method="POST", cookie=cookie_of(tokens))
    permit = await door.permit(head)
    door.world.app.log_out(b"s1")
    looked = await door.watch.look(permit, head, 302, [], door.world.now)
    assert given(door.watch.edit(permit, head, 302, *looked)) == {ACCESS: b"", REFRESH: b""}
    assert (await door.permit(page(cookie_of(tokens)))).credential is Credential.NONE
