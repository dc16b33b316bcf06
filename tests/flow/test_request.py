"""Who gets through, as whom, and with what: the story of a request."""

from dataclasses import replace

import pytest

from gateway.core.routes import Rule
from gateway.errors import (
    AmbiguousPath,
    Forbidden,
    GatewayError,
    IdentityNotCarried,
    InvalidToken,
    LoginRequired,
    RevocationUnavailable,
    SessionEnded,
    SessionUndetermined,
    VaultUnavailable,
)
from gateway.facts import Dependant, Event
from gateway.model import Answer, Credential, Permit, Phase, Standing, Undetermined, VerifiedToken, Visit
from tests.flow.door import ACCESS, PEER, REFRESH, Door, request
from tests.flow.tokens.world import MOBILE, SITE, World


@pytest.fixture
async def world() -> World:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    world.app.log_in(b"s2", "bob")
    return world


@pytest.fixture
def door(world: World) -> Door:
    return Door(world)


def added(permit: Permit) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in permit.add}


# --- no credential, public, passthrough ---


async def test_a_stranger_gets_to_an_optional_route_as_nobody_and_touches_no_store(door: Door) -> None:
    permit = await door.permit(request(cookie=b"theme=dark"))
    assert (permit.credential, permit.add, permit.cookie) == (Credential.NONE, (), b"theme=dark")
    assert door.world.app.asked == []


async def test_a_required_route_refuses_a_stranger(door: Door) -> None:
    for head in [
        request("/admin/"),
        request("/admin/", cookie=b"sessionid=unknown"),
        request("/admin/", authorization=b"Basic YTpi"),
    ]:
        with pytest.raises(LoginRequired):
            await door.admit(head)


async def test_a_public_route_asks_nobody_and_carries_nobody(door: Door) -> None:
    cookie = b"sessionid=s1; theme=dark; " + REFRESH + b"=x"
    permit = await door.permit(request("/static/a.css", cookie=cookie, authorization=b"Bearer x"))
    assert (permit.cookie, permit.authorization, permit.add) == (b"theme=dark", None, ())
    assert door.world.app.asked == []


async def test_a_public_route_may_be_told_to_carry_the_applications_own_credentials(door: Door) -> None:
    cookie = b"sessionid=s1; " + REFRESH + b"=x"
    permit = await door.permit(request("/assets/a.css", cookie=cookie, authorization=b"Basic x"))
    assert (permit.cookie, permit.authorization) == (b"sessionid=s1", b"Basic x")


async def test_on_a_passthrough_route_the_authorization_is_the_applications_own(door: Door) -> None:
    head = request("/hooks/x", authorization=b"Basic YTpi", cookie=b"sessionid=s1")
    permit = await door.permit(head)
    assert (permit.authorization, permit.credential) == (head.authorization, Credential.SESSION)


async def test_our_own_token_never_reaches_the_application_where_it_may_have_its_own(door: Door) -> None:
    grant = await door.world.exchange()
    for path in ("/hooks/x", "/assets/a.css"):
        permit = await door.permit(request(path, bearer=grant.access_token))
        assert permit.authorization is None
        theirs = await door.permit(request(path, authorization=b"Bearer opaque"))
        assert (theirs.authorization, theirs.is_private) == (b"Bearer opaque", True)


async def test_a_foreign_authorization_goes_through_byte_for_byte_without_an_identity(door: Door) -> None:
    permit = await door.permit(request(authorization=b"Basic YTpi", cookie=b"sessionid=s1"))
    assert (permit.authorization, permit.credential, permit.add) == (b"Basic YTpi", Credential.FOREIGN, ())
    assert door.world.facts.events == [Event.FOREIGN_AUTHORIZATION]


# --- sessions ---


async def test_a_session_goes_through_with_its_own_cookie_and_its_users_name(door: Door) -> None:
    permit = await door.permit(request(cookie=b"a=1; sessionid=s1; " + REFRESH + b"=x"))
    assert permit.cookie == b"a=1; sessionid=s1"
    assert added(permit)[b"x-auth-subject"] == b"ada"
    assert added(permit)[b"x-auth-credential"] == b"session"
    assert added(permit)[b"x-auth-roles"] == b"staff"
    assert permit.lines == b"".join(b"%b: %b\r\n" % pair for pair in permit.add)


async def test_a_session_that_is_nobodys_travels_on_unchanged_without_a_name(door: Door) -> None:
    permit = await door.permit(request(cookie=b"sessionid=unknown"))
    assert (permit.cookie, permit.add, permit.credential) == (b"sessionid=unknown", (), Credential.NONE)
    assert permit.is_private


async def test_undetermined_is_forwarded_without_a_name_where_the_site_says_so(door: Door) -> None:
    door.world.app.verdicts[b"s1"] = Undetermined("unreachable")
    permit = await door.permit(request(cookie=b"sessionid=s1"))
    assert (permit.cookie, permit.add) == (b"sessionid=s1", ())
    with pytest.raises(SessionUndetermined):
        await door.admit(request("/admin/", cookie=b"sessionid=s1"))


@pytest.mark.parametrize("site", [replace(SITE, on_undetermined="refuse"), replace(SITE, bridge="headers")])
async def test_undetermined_is_503_where_the_application_would_believe_us(world: World, site: object) -> None:
    door = Door(world, site=site)  # type: ignore[arg-type]
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    with pytest.raises(SessionUndetermined):
        await door.admit(request(cookie=b"sessionid=s1"))


async def test_where_tokens_are_preferred_undetermined_is_503_and_a_token_beside_it_decides(world: World) -> None:
    grant = await world.exchange()
    door = Door(world, phase=Phase.PREFER_TOKENS)
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    for path in ("/page", "/hooks/x"):
        with pytest.raises(SessionUndetermined):
            await door.admit(request(path, cookie=b"sessionid=s1"))
    by_token = await door.permit(request(cookie=b"sessionid=s1; " + ACCESS + b"=" + grant.access_token.encode()))
    assert by_token.credential is Credential.TOKEN_COOKIE


async def test_where_tokens_are_preferred_each_request_that_only_a_cookie_carries_is_counted(world: World) -> None:
    grant = await world.exchange()
    heads = [
        request("/admin/", cookie=b"sessionid=s1", fields=[(b"Sec-Fetch-Dest", b"document")]),
        *2 * [request(cookie=b"sessionid=s1")],
        request(cookie=b"sessionid=unknown"),
        request(bearer=grant.access_token, cookie=b"sessionid=s1"),
        request(),
    ]
    for phase in (Phase.PARALLEL, Phase.PREFER_TOKENS):
        door = Door(world, phase=phase)
        for head in heads:
            await door.permit(head)
    assert world.facts.dependants == [
        ("/admin/*", Dependant.NAVIGATION), *2 * [("/*", Dependant.PROGRAM)],
    ]  # fmt: skip


async def test_a_change_of_the_user_behind_a_session_is_seen_at_once(door: Door) -> None:
    assert added(await door.permit(request(cookie=b"sessionid=s1")))[b"x-auth-subject"] == b"ada"
    door.world.app.log_in(b"s1", "eve")
    assert added(await door.permit(request(cookie=b"sessionid=s1")))[b"x-auth-subject"] == b"eve"


# --- tokens ---


async def test_a_token_decides_alone_and_brings_its_own_session(door: Door) -> None:
    grant = await door.world.exchange(b"s1")
    permit = await door.permit(request(bearer=grant.access_token, cookie=b"a=1; sessionid=s2; remember=bob"))
    assert permit.cookie == b"a=1; sessionid=s1"
    assert permit.authorization is None
    assert added(permit)[b"x-auth-subject"] == b"ada"
    assert added(permit)[b"x-auth-session"] == grant.family.id.encode()
    assert added(permit)[b"x-auth-credential"] == b"bearer"


async def test_only_an_unsafe_method_gets_a_csrf_pair(door: Door) -> None:
    grant = await door.world.exchange()
    read = await door.permit(request(bearer=grant.access_token))
    written = await door.permit(request(method="POST", bearer=grant.access_token, cookie=b"csrftoken=theirs"))
    assert b"x-csrftoken" not in added(read)
    pair = added(written)[b"x-csrftoken"]
    assert b"csrftoken=" + pair in (written.cookie or b"")
    assert b"theirs" not in (written.cookie or b"")
    assert b"origin" in written.without


async def test_a_bad_bearer_never_falls_through_to_a_good_cookie(door: Door) -> None:
    grant = await door.world.exchange()
    with pytest.raises(InvalidToken):
        await door.admit(request(bearer=grant.access_token[:-4] + "AAAA", cookie=b"sessionid=s1"))


async def test_every_use_of_a_remembered_token_checks_its_end_and_the_blacklist(door: Door) -> None:
    world = door.world
    first, second = await world.exchange(), await world.exchange()
    for grant in (first, second):
        await door.permit(request(bearer=grant.access_token))
    assert world.facts.events.count(Event.TOKEN_VERIFIED) == 2
    await world.tokens.end_family(await world.verified(first), world.now)
    with pytest.raises(InvalidToken, match="not valid"):
        await door.admit(request(bearer=first.access_token))
    world.pass_time(3600 + 31)
    with pytest.raises(InvalidToken):
        await door.admit(request(bearer=second.access_token))


async def test_a_token_proved_under_a_key_that_is_gone_is_not_good(door: Door) -> None:
    from gateway.keys.ring import RingKey
    from tests.flow.tokens.world import new_keys

    world = door.world
    world.keys = new_keys()
    door = Door(world)
    world.tokens = world.flow()
    grant = await world.exchange()
    await door.permit(request(bearer=grant.access_token))
    stranger: RingKey = new_keys().active
    world.keys.replace([stranger])
    with pytest.raises(InvalidToken):
        await door.admit(request(bearer=grant.access_token))


async def test_a_blacklist_that_cannot_answer_is_503_and_strangers_do_not_notice(door: Door) -> None:
    grant = await door.world.exchange()

    async def away(token: VerifiedToken) -> Standing:
        raise RevocationUnavailable

    door.world.revocation.look_up = away  # type: ignore[method-assign]
    with pytest.raises(RevocationUnavailable):
        await door.admit(request(bearer=grant.access_token))
    assert isinstance(await door.admit(request()), Permit)
    assert isinstance(await door.admit(request("/static/a")), Permit)


async def test_a_lost_vault_entry_is_503_and_never_a_stranger(door: Door) -> None:
    grant = await door.world.exchange()
    door.world.vaulted.entries.clear()
    with pytest.raises(VaultUnavailable):
        await door.admit(request(bearer=grant.access_token))


async def test_without_a_vault_in_use_a_token_needs_none(world: World) -> None:
    door = Door(world, site=replace(SITE, bridge="headers"))
    grant = await world.exchange()
    permit = await door.permit(request(bearer=grant.access_token, cookie=b"sessionid=s2"))
    assert permit.cookie is None
    assert added(permit)[b"x-auth-subject"] == b"ada"


async def test_only_where_it_logs_out_the_session_itself_is_attached(world: World) -> None:
    """What was asked for a logout is not remembered for anything else."""
    door = Door(world, site=replace(SITE, bridge="headers"))
    world.vault._cache_age = 60.0
    grant = await world.exchange()
    for path, is_attached in (("/page", False), ("/logout/", True), ("/page", False), ("/logout/", True)):
        permit = await door.permit(request(path, bearer=grant.access_token))
        assert (permit.cookie is not None) is is_attached


async def test_a_token_of_another_applications_session_gets_no_session_here(world: World) -> None:
    elsewhere = replace(SITE, name="other", upstream="other")
    door = Door(
        world,
        site=replace(SITE, name="main", upstream="shop"),
        others=(elsewhere,),
        rules=(Rule("/*", upstream="other"),),
    )
    grant = await world.exchange()
    with pytest.raises(Forbidden):
        await door.admit(request(bearer=grant.access_token))


async def test_a_family_whose_site_was_removed_from_the_configuration_is_refused(world: World) -> None:
    door = Door(world, site=replace(SITE, name="renamed"))
    grant = await world.exchange()
    with pytest.raises(Forbidden):
        await door.admit(request(bearer=grant.access_token))


async def test_a_name_that_no_header_can_carry_is_refused_as_such(door: Door) -> None:
    door.world.app.log_in(b"s3", "jürgen")
    with pytest.raises(IdentityNotCarried):
        await door.admit(request(cookie=b"sessionid=s3"))


async def test_a_family_from_before_the_start_counts_only_while_its_session_lives(door: Door) -> None:
    grant = await door.world.exchange()
    door.recheck.begin(door.world.now + 1)
    door.world.app.log_out(b"s1")
    with pytest.raises(SessionEnded):
        await door.admit(request(bearer=grant.access_token))
    with pytest.raises(InvalidToken):
        await door.admit(request(bearer=grant.access_token))


# --- the token cookie ---


async def test_a_good_token_cookie_is_a_token_that_no_csrf_check_is_skipped_for(door: Door) -> None:
    grant = await door.world.exchange()
    cookie = ACCESS + b"=" + grant.access_token.encode()
    permit = await door.permit(request(method="POST", cookie=cookie))
    assert (permit.credential, permit.cookie) == (Credential.TOKEN_COOKIE, b"sessionid=s1")
    assert b"x-csrftoken" not in added(permit)


async def test_an_expired_token_cookie_is_deleted_and_the_session_decides(door: Door) -> None:
    grant = await door.world.exchange()
    door.world.pass_time(3600 + 31)
    permit = await door.permit(request(cookie=ACCESS + b"=" + grant.access_token.encode() + b"; sessionid=s1"))
    assert permit.credential is Credential.SESSION
    assert permit.is_private
    assert any(name == b"set-cookie" and value.startswith(ACCESS + b"=;") for name, value in permit.answer)


@pytest.mark.parametrize("is_revoked", [True, False])
async def test_a_revoked_or_forged_token_cookie_brings_no_session_with_it(door: Door, is_revoked: bool) -> None:
    """CVE-2026-34454: it is deleted with the answer, and never goes on behind a new login."""
    world = door.world
    grant = await world.exchange()
    text = grant.access_token.encode()
    if is_revoked:
        await world.tokens.end_family(await world.verified(grant), world.now)
    else:
        text = text[:-4] + b"AAAA"
    permit = await door.permit(request(cookie=b"a=1; " + ACCESS + b"=" + text + b"; sessionid=s1"))
    assert (permit.credential, permit.cookie, permit.add) == (Credential.NONE, b"a=1", ())
    assert permit.is_private
    with pytest.raises(LoginRequired):
        await door.admit(request("/admin/", cookie=ACCESS + b"=" + text + b"; sessionid=s1"))


async def test_a_token_cookie_of_somebody_else_gives_way_to_the_session(door: Door) -> None:
    grant = await door.world.exchange(b"s2")
    cookie = ACCESS + b"=" + grant.access_token.encode() + b"; sessionid=s1"
    permit = await door.permit(request(cookie=cookie))
    assert added(permit)[b"x-auth-subject"] == b"ada"
    assert permit.answer
    assert Event.SUBJECT_CONFLICT in door.world.facts.events


# --- phases ---


async def test_in_off_ours_is_stripped_and_everything_else_is_the_applications(world: World) -> None:
    grant = await world.exchange()
    door = Door(world, phase=Phase.OFF)
    cookie = b"sessionid=s1; " + REFRESH + b"=x"
    ours = await door.permit(request(bearer=grant.access_token, cookie=cookie))
    theirs = await door.permit(request("/admin/", authorization=b"Bearer opaque", cookie=cookie))
    assert (ours.cookie, ours.authorization, ours.add) == (b"sessionid=s1", None, ())
    assert theirs.authorization == b"Bearer opaque"
    with pytest.raises(Forbidden):
        await door.admit(request("/closed/x"))


async def test_in_off_an_ambiguous_path_is_counted_and_goes_through(world: World) -> None:
    door = Door(world, phase=Phase.OFF)
    assert isinstance(await door.admit(request("/a/../b")), Permit)
    assert world.facts.events == [Event.PATH_WOULD_REFUSE]
    with pytest.raises(AmbiguousPath):
        await Door(world).admit(request("/a/../b"))


async def test_in_handback_a_client_without_a_session_cookie_gets_it_back(world: World) -> None:
    grant = await world.exchange()
    door = Door(world, phase=Phase.HANDBACK)
    without = await door.permit(request(bearer=grant.access_token))
    with_one = await door.permit(request(bearer=grant.access_token, cookie=b"sessionid=s1"))
    assert without.answer == ((b"set-cookie", b"sessionid=s1; Path=/; HttpOnly; SameSite=Lax; Secure"),)
    assert with_one.answer == ()
    program = await world.exchange(client=MOBILE)
    assert (await door.permit(request(bearer=program.access_token))).answer == ()


@pytest.mark.parametrize(("reason", "is_given"), [("expired", True), ("gone", False), ("no_user", False)])
async def test_in_handback_a_session_that_has_expired_by_age_is_none_to_keep(
    world: World, reason: str, is_given: bool
) -> None:
    grant = await world.exchange()
    world.app.log_out(b"s0", reason)
    permit = await Door(world, phase=Phase.HANDBACK).permit(request(bearer=grant.access_token, cookie=b"sessionid=s0"))
    assert bool(permit.answer) is is_given


# --- visits, preflights, refusals ---


async def test_a_request_for_us_is_a_visit_and_in_off_only_if_it_asks_for_us(world: World) -> None:
    assert await Door(world).admit(request("/.own/token?x=1", method="POST")) == Visit("token")
    off = Door(world, phase=Phase.OFF)
    assert isinstance(await off.admit(request("/.own/token", method="POST")), Permit)
    assert await off.admit(request("/.own/token", method="POST", asks=b"1")) == Visit("token")


async def test_a_preflight_of_any_origin_needs_no_credential_and_carries_none(door: Door) -> None:
    head = request(
        "/admin/", method="OPTIONS", origin=b"https://any.example", cookie=b"sessionid=s1",
        fields=[(b"Access-Control-Request-Method", b"POST")],
    )  # fmt: skip
    permit = await door.permit(head)
    assert (permit.cookie, permit.add) == (None, ())
    with pytest.raises(LoginRequired):
        await door.admit(request("/admin/", method="OPTIONS", origin=b"https://any.example"))


async def test_a_preflight_needs_no_credential(world: World) -> None:
    door = Door(world, origins=frozenset({b"https://shop.example.com"}))
    off = Door(world, phase=Phase.OFF, origins=frozenset({b"https://shop.example.com"}))
    head = request(
        "/admin/", method="OPTIONS", origin=b"https://shop.example.com",
        fields=[(b"Access-Control-Request-Method", b"POST")],
    )  # fmt: skip
    assert isinstance(await door.admit(head), Answer)
    assert isinstance(await off.admit(head), Answer)
    refused = door.flow.refuse(LoginRequired(), head, "r1")
    assert (b"access-control-allow-origin", b"https://shop.example.com") in refused.fields


async def test_a_document_is_sent_to_the_login_of_its_application(world: World) -> None:
    door = Door(world, site=replace(SITE, login_url="/login/"))
    head = request("/admin/?a=1", fields=[(b"Sec-Fetch-Dest", b"document")])
    answer = door.flow.refuse(LoginRequired(), head, "r1")
    assert (answer.status, dict(answer.fields)[b"location"]) == (303, b"/login/?next=/admin/%3Fa%3D1")
    assert door.flow.refuse(GatewayError(), None, "r1").status == 500


async def test_two_cookies_of_one_name_are_counted(door: Door) -> None:
    await door.permit(request(cookie=b"sessionid=s2; sessionid=s1"))
    assert Event.DUPLICATE_COOKIE in door.world.facts.events


async def test_about_a_remembered_token_is_decided_at_once(door: Door) -> None:
    """No task, no future, no turn of the loop, and nothing to be stepped."""
    head = request(bearer=(await door.world.exchange()).access_token)
    await door.permit(head)
    door.world.vault._cache_age = 60.0
    await door.permit(head)
    assert isinstance(door.flow.begin(head, PEER, door.world.now), Permit)


@pytest.mark.parametrize("bridge", ["vault", "headers"])
async def test_a_token_ends_with_its_session_and_is_never_forwarded_as_nobody(world: World, bridge: str) -> None:
    door = Door(world, site=replace(SITE, bridge=bridge))  # type: ignore[arg-type]
    grant = await world.exchange()
    await door.permit(request(bearer=grant.access_token))
    world.app.log_out(b"s1")
    with pytest.raises(SessionEnded):
        await door.admit(request(bearer=grant.access_token))
    world.app.log_in(b"s1", "ada")
    with pytest.raises(InvalidToken):
        await door.admit(request(bearer=grant.access_token))


async def test_a_session_that_nobody_can_read_is_left_to_the_application_with_the_users_own_cookie(
    world: World,
) -> None:
    grant = await world.exchange()
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    assert (await Door(world).permit(request(bearer=grant.access_token))).cookie == b"sessionid=s1"
    with pytest.raises(SessionUndetermined):
        await Door(world, site=replace(SITE, bridge="headers")).admit(request(bearer=grant.access_token))


async def test_whoever_opens_the_address_of_a_ticket_is_handed_no_session(world: World) -> None:
    grant = await world.exchange()
    door = Door(world, phase=Phase.HANDBACK)
    ticket = world.tickets.make(grant.access_token.encode(), b"/page", world.now).encode()
    permit = await door.permit(replace(request("/page"), ticket=ticket))
    assert permit.identity is not None
    assert permit.answer == ()


async def test_a_page_of_another_site_is_handed_no_session(world: World) -> None:
    grant = await world.exchange()
    door = Door(world, phase=Phase.HANDBACK)
    foreign = await door.permit(request(bearer=grant.access_token, fields=[(b"Sec-Fetch-Site", b"cross-site")]))
    assert foreign.answer == ()
