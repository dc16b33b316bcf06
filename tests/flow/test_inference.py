"""What the application says of one session is believed at the second look; what it says of everybody, not at all."""

from collections.abc import Iterator, Sequence

import pytest

from gateway.errors import InvalidGrant, SessionEnded, SessionUndetermined
from gateway.flow.inference import SUSPENDED, Inference, InferencePolicy
from gateway.flow.tokens import Grant
from gateway.model import Anonymous, LegacySession, Permit, Undetermined, Verdict
from tests.flow.door import Door, request
from tests.flow.tokens.world import MOBILE, World

NOBODY = Anonymous("no_user", is_hearsay=True)
DELETED = b'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/'


def user(name: str) -> LegacySession:
    return LegacySession("main", name, name, is_bound=True)


# --- the judge ---


def inference(alerts: list[str] | None = None, max_rate: float = 0.5) -> Inference:
    heard = [] if alerts is None else alerts
    return Inference(InferencePolicy(30.0, max_rate), sites={"main"}, alert=lambda: heard.append("stopped"))


@pytest.mark.parametrize("verdict", [user("s"), Anonymous("gone"), Anonymous("no_user"), Undetermined("timeout")])
def test_what_was_read_is_no_hearsay(verdict: Verdict) -> None:
    assert inference().judge("main", "s", verdict, 0.0) is verdict


def test_a_site_whose_application_nobody_asks_is_not_judged() -> None:
    assert Inference().judge("main", "s", NOBODY, 0.0) is NOBODY


def test_one_session_is_suspended_until_the_second_look() -> None:
    judge = inference()
    assert [judge.judge("main", "s", NOBODY, now) for now in (0.0, 1.0, 29.9)] == [SUSPENDED] * 3
    assert judge.judge("main", "s", NOBODY, 30.0) is NOBODY
    assert judge.judge("main", "s", NOBODY, 31.0) is SUSPENDED  # whoever asks again begins anew


def test_a_user_who_is_seen_meanwhile_begins_anew() -> None:
    judge = inference()
    judge.judge("main", "s", NOBODY, 0.0)
    judge.judge("main", "s", user("s"), 10.0)
    assert judge.judge("main", "s", NOBODY, 30.0) is SUSPENDED


def crowd(judge: Inference, verdict: Verdict, names: Sequence[str], now: float) -> Iterator[Verdict]:
    for name in names:
        yield judge.judge("main", name, verdict, now)


def test_many_are_believed_where_more_go_on() -> None:
    alerts: list[str] = []
    judge, names = inference(alerts), [str(number) for number in range(20)]
    for now in (0.0, 15.0, 29.0):
        list(crowd(judge, user("x"), [f"alive {number}" for number in range(30)], now))
        list(crowd(judge, NOBODY, names, now))
    assert [judge.judge("main", name, NOBODY, 30.0) for name in names] == [NOBODY] * 20
    assert not alerts


def test_most_are_not_believed_however_often_it_is_said_and_the_alert_comes_once() -> None:
    alerts: list[str] = []
    judge, names = inference(alerts), [str(number) for number in range(20)]
    for now in range(0, 600, 5):
        assert set(crowd(judge, NOBODY, names, float(now))) == {SUSPENDED}
    assert alerts == ["stopped"]
    assert judge.is_stopped("main", 600.0)


def test_after_the_crowd_everybody_has_a_second_look_before_him() -> None:
    judge, names = inference(), [str(number) for number in range(20)]
    for now in (0.0, 10.0, 20.0, 30.0, 40.0):
        list(crowd(judge, NOBODY, names, now))
    list(crowd(judge, user("x"), [f"alive {number}" for number in range(40)], 45.0))
    assert not judge.is_stopped("main", 45.0)
    assert judge.judge("main", "0", NOBODY, 46.0) is SUSPENDED
    assert judge.judge("main", "0", NOBODY, 76.0) is NOBODY


def test_max_rate_of_100_percent_believes_at_the_second_look_whatever_is_said_of_others() -> None:
    judge, names = inference(max_rate=1.0), [str(number) for number in range(20)]
    list(crowd(judge, NOBODY, names, 0.0))
    assert set(crowd(judge, NOBODY, names, 30.0)) == {NOBODY}


def test_a_clock_that_was_set_back_stops_nothing_for_good() -> None:
    judge, names = inference(), [str(number) for number in range(20)]
    list(crowd(judge, NOBODY, names, 1000.0))
    assert judge.is_stopped("main", 1000.0)
    assert not judge.is_stopped("main", 0.0)


def test_what_is_remembered_is_bounded() -> None:
    judge = inference(max_rate=1.0)
    list(crowd(judge, NOBODY, [str(number) for number in range(30_000)], 0.0))
    site = judge._sites["main"]
    assert len(site._looks) <= 20_000
    assert len(site._suspended) <= 20_000


# --- the whole: nobody's tokens end ---


class Site:
    """Users with tokens of an application that is asked who they are, and time that a test moves."""

    def __init__(self, world: World, users: int) -> None:
        self.world = world
        self.door = Door(world)
        self.cookies = [b"s%d" % number for number in range(users)]
        self.grants: list[Grant] = []

    @classmethod
    async def open(cls, users: int) -> "Site":
        world = World()
        world.inference = inference()
        world.tokens = world.flow()
        site = cls(await world.start(), users)
        site.say_the_truth()
        site.grants = [await world.exchange(cookie, MOBILE) for cookie in site.cookies]
        return site

    def say_the_truth(self) -> None:
        for cookie in self.cookies:
            self.world.app.log_in(cookie, f"user of {cookie.decode()}")

    def say_nobody(self) -> None:
        self.world.app.verdicts = dict.fromkeys(self.cookies, NOBODY)

    async def visit(self, number: int, *set_cookies: bytes) -> Permit:
        """Send a request with the user's token; the application answers with these cookies."""
        head = request(bearer=self.grants[number].access_token)
        permit = await self.door.permit(head)
        await self.door.look(permit, head, *set_cookies)
        return permit

    async def refresh(self, number: int) -> None:
        self.grants[number] = await self.world.refresh(self.grants[number].refresh_token, MOBILE)


@pytest.mark.parametrize("set_cookies", [(), (DELETED,), (b"sessionid=nobody; Path=/",)])
async def test_promise_5_the_application_answering_anonymous_to_everybody_for_five_minutes_ends_no_family(
    set_cookies: tuple[bytes, ...],
) -> None:
    """P5. Each of 60 users is here every fifth second, and refreshes his tokens once; nobody is signed out by it."""
    site = await Site.open(users=60)
    world = site.world
    for number in range(60):
        await site.visit(number)
    site.say_nobody()
    world.app.verdicts[b"nobody"] = NOBODY
    for second in range(300):
        world.pass_time(1.0)
        for number in range(second % 5, 60, 5):
            # Cookies are deleted from the second round on: by then it is a crowd.
            permit = await site.visit(number, *(set_cookies if second >= 5 else ()))
            assert permit.vaulted is not None, "the application decides, with the user's own cookie"
        if 60 <= second < 120:
            with pytest.raises(SessionUndetermined):
                await site.refresh(second - 60)
    site.say_the_truth()
    for number in range(60):
        await site.visit(number)
        await site.refresh(number)
        assert await world.accepts(site.grants[number])
    assert sum((await world.families.count_live(world.now)).values()) == 60


async def test_one_user_who_is_gone_keeps_his_own_cookie_until_the_second_look_and_no_longer() -> None:
    site = await Site.open(users=30)
    world = site.world
    world.app.verdicts[b"s0"] = NOBODY
    for _ in range(6):
        for number in range(30):
            assert (await site.visit(number)).vaulted is not None
        world.pass_time(5.0)
    with pytest.raises(SessionEnded):
        await site.visit(0)
    assert not await world.accepts(site.grants[0])
    assert all([await world.accepts(grant) for grant in site.grants[1:]])


async def test_a_refresh_too_is_a_look_of_which_the_second_counts() -> None:
    site = await Site.open(users=1)
    site.say_nobody()
    with pytest.raises(SessionUndetermined):
        await site.refresh(0)
    site.world.pass_time(31.0)
    with pytest.raises(InvalidGrant):
        await site.refresh(0)
    assert not await site.world.accepts(site.grants[0])


async def test_who_asks_to_be_logged_out_is_believed_at_once_whatever_is_said_of_others() -> None:
    site = await Site.open(users=30)
    site.say_nobody()
    for number in range(1, 30):
        await site.visit(number)
    head = request("/logout/", method="POST", bearer=site.grants[0].access_token)
    site.world.app.log_in(b"s0", "user of s0")
    permit = await site.door.permit(head)
    site.world.app.verdicts[b"s0"] = NOBODY
    await site.door.look(permit, head)
    assert not await site.world.accepts(site.grants[0])
    assert await site.world.accepts(site.grants[1])


async def test_a_cookie_that_is_deleted_for_one_user_is_a_sign_at_once() -> None:
    site = await Site.open(users=30)
    for number in range(30):
        await site.visit(number)
    await site.visit(0, DELETED)
    assert not await site.world.accepts(site.grants[0])
