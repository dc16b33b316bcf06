"""A login with a name and a password, as the token endpoint takes it."""

from dataclasses import dataclass, field

import pytest

from gateway.core.rates import Rate
from gateway.errors import LoginChanged
from gateway.flow.clients import Client, GrantType
from gateway.flow.login import PasswordLogin
from gateway.flow.rates import RatePolicy, TokenRates
from gateway.headers import Pairs
from gateway.login_ports import Password, Replayed
from gateway.model import RevocationKind, SessionCookie, Undetermined
from gateway.stores.rates_memory import MemoryRateLimiter
from tests.flow.tokens.world import World
from tests.web.site import CLIENTS, PAGE, REFRESH_COOKIE, Site, code

TOKEN = "/.crossfade/token"
GRANTS = frozenset({GrantType.PASSWORD, GrantType.REFRESH_TOKEN})
FORM = {"grant_type": "password", "client_id": "app", "username": "ada", "password": "lovelace-1843"}
BY_PAGE = {**FORM, "client_id": "page"}


@dataclass
class Replay:
    """The application's login: it opens the session s9, unless it is told what else to answer."""

    answer: Replayed = field(
        default_factory=lambda: Replayed(SessionCookie("main", ((b"sessionid", b"s9"),)), "incomplete")
    )
    fails: Exception | None = None
    typed: list[Password] = field(default_factory=list)
    told: Pairs = field(default_factory=list)

    async def replay(self, typed: Password, told: Pairs) -> Replayed:
        self.typed.append(typed)
        self.told = told
        if self.fails is not None:
            raise self.fails
        return self.answer


class Settled:
    """Waits for nothing, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def site_with(replays: dict[str, Replay], policy: RatePolicy | None = None) -> Site:
    world = await World().start()
    world.app.log_in(b"s9", "ada")
    rates = TokenRates(policy, MemoryRateLimiter(), world.facts)
    login = PasswordLogin(replays, {"main": world.app, "shop": world.app}, world.tokens, rates, world.facts, Settled())
    clients = {**CLIENTS, "app": Client("app", "body", GRANTS), "page": Client("page", "cookie", GRANTS)}
    return Site(world, login=login, clients=clients)


async def test_a_program_gets_tokens_for_the_session_that_was_opened() -> None:
    replay = Replay()
    site = await site_with({"main": replay})
    response = await site.program.post(TOKEN, data=FORM, headers={"user-agent": "Notes/1.0"})
    assert response.status_code == 200
    assert {"access_token", "refresh_token"} <= response.json().keys()
    assert "set-cookie" not in response.headers
    assert (replay.typed[0].username, replay.typed[0].password) == ("ada", "lovelace-1843")
    assert dict(replay.told) == {
        b"x-forwarded-for": b"192.0.2.1",
        b"x-real-ip": b"192.0.2.1",
        b"x-request-id": b"r-1",
        b"user-agent": b"Notes/1.0",
    }
    assert "password" in (await site.program.get("/.well-known/oauth-authorization-server")).text


async def test_a_page_of_the_site_gets_its_refresh_token_as_a_cookie() -> None:
    site = await site_with({"main": Replay()})
    response = await site.browser.post(TOKEN, data=BY_PAGE)
    assert response.status_code == 200
    assert site.refresh_cookie
    assert "refresh_token" not in response.json()
    assert REFRESH_COOKIE in response.headers["set-cookie"]


async def test_nobody_is_signed_in_by_a_page_of_another_site_and_no_password_is_sent_for_it() -> None:
    replay = Replay()
    site = await site_with({"main": replay})
    strange = {"origin": "https://evil.example", "x-crossfade": "1"}
    assert code(await site.program.post(TOKEN, data=BY_PAGE, headers=strange)) == (403, "origin_refused")
    assert code(await site.program.post(TOKEN, data=FORM, headers=PAGE)) == (403, "origin_refused")
    assert replay.typed == []


async def test_where_there_is_no_login_the_grant_is_not_offered() -> None:
    site = await site_with({})
    assert code(await site.program.post(TOKEN, data=FORM)) == (400, "unsupported_grant_type")
    assert '"password"' not in (await site.program.get("/.well-known/oauth-authorization-server")).text


async def test_a_client_that_does_not_list_it_may_not() -> None:
    site = await site_with({"main": Replay()})
    assert code(await site.program.post(TOKEN, data={**FORM, "client_id": "mobile"})) == (403, "client_not_allowed")


@pytest.mark.parametrize(
    ("more", "status"),
    [({}, 400), ({"site": "elsewhere"}, 400), ({"site": "main"}, 200)],
    ids=["none", "wrong", "right"],
)
async def test_of_several_logins_one_is_named(more: dict[str, str], status: int) -> None:
    site = await site_with({"main": Replay(), "shop": Replay()})
    assert (await site.program.post(TOKEN, data={**FORM, **more})).status_code == status


@pytest.mark.parametrize("missing", ["username", "password"])
async def test_both_are_needed(missing: str) -> None:
    site = await site_with({"main": Replay()})
    response = await site.program.post(TOKEN, data={name: FORM[name] for name in FORM if name != missing})
    assert code(response) == (400, "invalid_request")


async def test_what_nobody_types_is_not_passed_on() -> None:
    replay = Replay()
    site = await site_with({"main": replay})
    response = await site.program.post(TOKEN, data={**FORM, "password": "a" * 1025})
    assert code(response) == (400, "invalid_request")
    assert replay.typed == []


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ("refused", (400, "invalid_grant")),
        ("incomplete", (409, "login_incomplete")),
        ("changed", (502, "login_changed")),
    ],
)
async def test_a_session_of_nobody_is_no_login_whatever_the_answer_was(means: str, expected: tuple[int, str]) -> None:
    shown = SessionCookie("main", ((b"sessionid", b"nobody"),))
    site = await site_with({"main": Replay(Replayed(shown, means))})  # type: ignore[arg-type]
    response = await site.program.post(TOKEN, data=FORM)
    assert code(response) == expected
    assert "lovelace" not in response.text


async def test_a_login_page_that_changed_is_told_as_such() -> None:
    site = await site_with({"main": Replay(fails=LoginChanged())})
    assert code(await site.program.post(TOKEN, data=FORM)) == (502, "login_changed")


async def test_a_session_that_nobody_can_read_is_no_wrong_password() -> None:
    site = await site_with({"main": Replay()})
    site.world.app.verdicts[b"s9"] = Undetermined("unreachable")
    assert code(await site.program.post(TOKEN, data=FORM)) == (503, "session_undetermined")


async def test_a_login_is_not_barred_by_what_was_revoked_before() -> None:
    site = await site_with({"main": Replay()})
    await site.world.tokens.orders.revoke(RevocationKind.SUBJECT, "ada", "admin", site.world.now)
    assert (await site.program.post(TOKEN, data=FORM)).status_code == 200


@pytest.mark.parametrize(
    "policy",
    [
        RatePolicy(login=Rate(2, 60.0)),
        RatePolicy(login_name=Rate(2, 60.0)),
        RatePolicy(login_address=Rate(2, 60.0)),
    ],
)
async def test_a_name_and_an_address_are_counted_before_the_application_is_asked(policy: RatePolicy) -> None:
    replay = Replay(Replayed(None, "refused"))
    site = await site_with({"main": replay}, policy)
    names = ["ada", " ADA", "Ada"]
    answers = [await site.program.post(TOKEN, data={**FORM, "username": name}) for name in names]
    assert [code(answer)[1] for answer in answers] == ["invalid_grant", "invalid_grant", "too_many_requests"]
    assert len(replay.typed) == 2
