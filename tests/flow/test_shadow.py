"""In `shadow` the application decides alone, and what we would have said is compared afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from gateway.core.phases import posture_of
from gateway.facts import Comparison
from gateway.flow.access import AccessTokens
from gateway.flow.shadow import Shadow, Trial
from gateway.headers import Pairs
from gateway.model import Anonymous, LegacySession, Permit, Phase, SessionCookie, Undetermined, Verdict
from tests.flow.door import ACCESS, Door, request
from tests.flow.tokens.world import SITE, World

WITH_DOORS = replace(SITE, login_url="https://sso.example/login/?x=1", logout_paths=("/logout/",))
SHOWN = b"theme=dark; sessionid=s1"


@dataclass
class Theirs:
    """What the application itself would say."""

    verdict: Verdict = field(default_factory=lambda: Anonymous("no_user"))
    asked: int = 0

    async def resolve(self, shown: SessionCookie, now: float, *, fresh: bool = False) -> Verdict:
        self.asked += 1
        return self.verdict

    def forget(self, session: LegacySession) -> None: ...


class Compared:
    """A door in `shadow`, and what compares behind it."""

    def __init__(self, world: World, theirs: Theirs | None = None, phase: Phase = Phase.SHADOW) -> None:
        self.world = world
        self.door = Door(world, WITH_DOORS, phase=phase)
        access = AccessTokens(
            policy=world.policy, keys=world.keys, log=world.log, revocation=world.revocation, entropy=world.entropy
        )
        self.shadow = Shadow(
            posture=lambda: posture_of(phase, "store"),
            sites=[WITH_DOORS],
            sessions={"main": world.app},
            theirs={} if theirs is None else {"main": theirs},
            trial=Trial(world.policy, access),
            facts=world.facts,
        )

    async def answer(
        self, status: int = 200, fields: Pairs | None = None, path: str = "/page", cookie: bytes = SHOWN
    ) -> Permit:
        """Let the application answer so, and compare."""
        head = request(path, cookie=cookie)
        permit = await self.door.permit(head)
        self.shadow.note(permit, head, status, fields or [])
        await self.shadow.compare(self.world.now)
        return permit

    @property
    def outcomes(self) -> list[Comparison]:
        return [outcome for _, outcome in self.world.facts.comparisons]


@pytest.fixture
async def world() -> World:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    return world


async def test_the_application_decides_alone_and_tokens_of_ours_never_reach_it(world: World) -> None:
    grant = await world.exchange()
    door, asked = Door(world, phase=Phase.SHADOW), len(world.app.asked)
    cookie = ACCESS + b"=" + grant.access_token.encode() + b"; sessionid=s1"
    permit = await door.permit(request("/admin/", bearer=grant.access_token, cookie=cookie))
    assert (permit.cookie, permit.authorization, permit.is_transparent) == (b"sessionid=s1", None, True)
    assert len(world.app.asked) == asked


async def test_a_session_that_both_know_agrees(world: World) -> None:
    compared = Compared(world)
    await compared.answer()
    assert world.facts.comparisons == [("/*", Comparison.AGREED)]


@pytest.mark.parametrize(
    ("status", "fields", "outcome"),
    [
        (401, [], Comparison.TURNED_AWAY),
        (302, [(b"Location", b"/login/?next=/page")], Comparison.TURNED_AWAY),
        (303, [(b"location", b"https://www.example.com/login/")], Comparison.TURNED_AWAY),
        (302, [(b"Location", b"/elsewhere")], Comparison.AGREED),
        (302, [(b"Location", b"http://[")], Comparison.AGREED),
        (200, [(b"Location", b"/login/")], Comparison.AGREED),
        (403, [], Comparison.AGREED),
    ],
)
async def test_an_answer_for_nobody_to_a_user_is_a_disagreement(
    world: World, status: int, fields: Pairs, outcome: Comparison
) -> None:
    compared = Compared(world)
    await compared.answer(status, fields)
    assert compared.outcomes == [outcome]


@pytest.mark.parametrize(
    ("cookie", "theirs", "outcome"),
    [
        (b"sessionid=s1", LegacySession("main", "s1", "ada"), Comparison.AGREED),
        (b"sessionid=s1", LegacySession("main", "s1", "bob"), Comparison.OTHER_USER),
        (b"sessionid=s1", Anonymous("no_user"), Comparison.TURNED_AWAY),
        (b"sessionid=s1", Undetermined("unreachable"), Comparison.AGREED),
        (b"sessionid=unknown", LegacySession("main", "s1", "ada"), Comparison.USER_MISSED),
        (b"sessionid=unknown", Anonymous("no_user"), Comparison.AGREED),
    ],
)
async def test_what_the_application_says_itself_is_held_against_what_we_read(
    world: World, cookie: bytes, theirs: Verdict, outcome: Comparison
) -> None:
    compared = Compared(world, Theirs(theirs))
    await compared.answer(cookie=cookie)
    assert compared.outcomes == [outcome]


async def test_a_session_that_nobody_can_read_is_counted_and_the_answer_was_given_already(world: World) -> None:
    world.app.verdicts[b"s1"] = Undetermined("unreachable")
    compared = Compared(world)
    assert (await compared.answer(path="/admin/")).cookie == SHOWN
    assert compared.outcomes == [Comparison.UNDETERMINED]


async def unbound(world: World) -> None:
    session = world.app.verdicts[b"s1"]
    assert isinstance(session, LegacySession)
    world.app.verdicts[b"s1"] = replace(session, is_bound=False)


async def no_header(world: World) -> None:
    session = world.app.verdicts[b"s1"]
    assert isinstance(session, LegacySession)
    world.app.verdicts[b"s1"] = replace(session, subject="ad\na")


@pytest.mark.parametrize("spoil", [unbound, no_header])
async def test_a_session_that_no_token_could_be_made_of_is_a_disagreement(
    world: World, spoil: Callable[[World], Awaitable[None]]
) -> None:
    await spoil(world)
    compared = Compared(world)
    await compared.answer()
    assert compared.outcomes == [Comparison.NO_TOKEN]


@pytest.mark.parametrize(
    ("path", "cookie", "fields"),
    [
        ("/page", b"theme=dark", []),
        ("/page", b'sessionid=s1; sessionid="s1', []),
        ("/logout/", SHOWN, []),
        ("/login/", SHOWN, []),
        ("/page", SHOWN, [(b"Set-Cookie", b"sessionid=s9; Path=/")]),
    ],
)
async def test_what_shows_or_leaves_no_session_is_not_compared(
    world: World, path: str, cookie: bytes, fields: Pairs
) -> None:
    compared = Compared(world)
    head = request(path, cookie=cookie)
    compared.shadow.note(Permit("app", "/*"), head, 401, fields)
    await compared.shadow.compare(world.now)
    assert "turned_away" not in compared.outcomes


async def test_in_other_phases_nothing_is_noted(world: World) -> None:
    compared = Compared(world, phase=Phase.OFF)
    await compared.answer(401)
    assert compared.outcomes == []


async def test_the_work_of_a_second_is_bounded_and_so_is_what_waits(world: World) -> None:
    theirs = Theirs(LegacySession("main", "s1", "ada"))
    compared, head = Compared(world, theirs), request(cookie=SHOWN)
    permit = await compared.door.permit(head)
    for _ in range(300):
        compared.shadow.note(permit, head, 200, [])
    assert compared.outcomes == [Comparison.SKIPPED] * 44
    await compared.shadow.compare(world.now)
    assert (len(compared.outcomes), theirs.asked) == (94, 2)
    world.app.verdicts[b"s1"] = Undetermined("timeout")
    await compared.shadow.compare(world.now)
    assert compared.outcomes[94:] == [Comparison.UNDETERMINED], "the rest waits for a better second"
