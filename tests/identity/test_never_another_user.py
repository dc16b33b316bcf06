"""A session of one user never becomes another's, however requests, rotations, exchanges and departures interleave."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.identity.users import EXCHANGE, Broken, Site, Tokens, User

USERS = 4
Step = tuple[str, int, int, int, int]
"""What is done, by whom, beside whose things, after how many milliseconds in the application, left after what."""

ACTIONS = (
    "cookie",
    "bearer",
    "bearer beside",
    "long",
    "exchange",
    "refresh",
    "rotate",
    "bearer rotates",
    "bearer rotates beside",
    "switch",
    "logout",
)

steps = st.tuples(
    st.sampled_from(ACTIONS),
    st.integers(0, USERS - 1),
    st.integers(0, USERS - 1),
    st.integers(0, 12),
    st.sampled_from([-1, -1, -1, -1, 0, 1, 3, 4]),
)
stories = st.lists(st.lists(steps, min_size=1, max_size=10), min_size=2, max_size=8)
"""Rounds of steps; those of one round are taken at the same time."""


as_told = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],  # a race does not come again when asked to, so nothing is made smaller
    suppress_health_check=list(HealthCheck),
)


async def take(site: Site, step: Step) -> None:
    """Do one thing, and judge whatever comes of it."""
    action, who, beside, wait, leave = step
    user, other = site.users[who], site.users[beside]
    name, cookie = user.name, user.cookie
    tokens = user.tokens[-1] if user.tokens else None
    match action:
        case "cookie" | "long":
            path = "/long" if action == "long" else "/page"
            site.judge(await site.send(f"{path}?{wait}", user=name, cookie=cookie, leave_after=leave), name)
        case "exchange":
            opened = await site.ask_for_tokens(EXCHANGE, user=name, cookie=cookie)
            user.tokens += [opened] if opened is not None else []
        case "rotate" | "switch":
            await change(site, user, other.name if action == "switch" else name, wait, leave)
        case "logout":
            site.judge(await site.send(f"/logout/?{wait}", user=name, cookie=cookie, form={}, leave_after=leave), name)
            user.name, user.cookie = f"user{who}", site.application.log_in(f"user{who}")
        case _ if tokens is not None:
            await use(site, user, tokens, action, other.cookie, wait, leave)


async def take_all(site: Site, together: Sequence[Step]) -> None:
    """Do everything at the same time; the first that goes wrong ends the rest."""
    async with asyncio.TaskGroup() as group:
        for step in together:
            group.create_task(take(site, step))


async def change(site: Site, user: User, to: str, wait: int, leave: int) -> None:
    """Let the application give the browser another session id, of the same user or of whom it is lent to."""
    name, cookie = user.name, user.cookie
    path = f"/rotate?{wait}" if to == name else f"/switch?{wait}&{to}"
    response = await site.send(path, user=name, cookie=cookie, form={}, leave_after=leave)
    fresh = response.set_cookie if response is not None else ""
    if fresh and site.application.owners.get(fresh) != to:
        raise Broken(f"{name} became {site.application.owners.get(fresh)} instead of {to}")
    if user.cookie == cookie:  # a browser that has not moved on meanwhile
        user.name, user.cookie = (to, fresh) if fresh else (name, site.application.log_in(name))


async def use(site: Site, user: User, tokens: Tokens, action: str, beside: str, wait: int, leave: int) -> None:
    """Use tokens, alone or beside another user's cookie: they speak for their subject and nobody else."""
    name = tokens.subject
    if action == "refresh":
        form = {"grant_type": "refresh_token", "client_id": "mobile", "refresh_token": tokens.refresh}
        renewed = await site.ask_for_tokens(form, user=name)
        if renewed is not None:
            user.tokens.append(renewed)
        return
    is_rotation, shown = action.startswith("bearer rotates"), beside if action.endswith("beside") else ""
    path = f"/rotate?{wait}" if is_rotation else f"/page?{wait}"
    posted: dict[str, str] | None = {} if is_rotation else None
    response = await site.send(path, user=name, bearer=tokens.access, cookie=shown, form=posted, leave_after=leave)
    site.judge(response, name)
    if response is not None and response.set_cookie and site.application.owners.get(shown) != name:
        raise Broken(f"a browser of {site.application.owners.get(shown)} got {name}'s session")


@asynccontextmanager
async def lived_through(story: Sequence[Sequence[Step]]) -> AsyncIterator[Site]:
    """A site whose users all have tokens, after a story."""
    with tempfile.TemporaryDirectory() as folder:
        async with Site.open(Path(folder), USERS) as site:
            for user in site.users:
                opened = await site.ask_for_tokens(EXCHANGE, user=user.name, cookie=user.cookie)
                assert opened is not None
                user.tokens.append(opened)
            for together in story:
                await take_all(site, together)
            yield site


async def tell(story: Sequence[Sequence[Step]]) -> int:
    """Live through a story; returns how many requests the application saw."""
    async with lived_through(story) as site:
        for user in site.users:
            for tokens in user.tokens:
                site.judge(await site.send("/page?0", user=tokens.subject, bearer=tokens.access), tokens.subject)
            site.judge(await site.send("/page?0", user=user.name, cookie=user.cookie), user.name)
        return site.application.served


@pytest.mark.timeout(300)
@as_told
@given(stories)
def test_a_session_of_one_user_never_becomes_anothers(story: list[list[Step]]) -> None:
    uvloop.run(asyncio.wait_for(tell(story), 120))


peaceful = st.tuples(
    st.sampled_from(["cookie", "bearer", "refresh", "rotate", "bearer rotates"]),
    st.integers(0, USERS - 1),
    st.just(0),
    st.integers(0, 12),
    st.just(-1),
)


async def live_in_peace(story: Sequence[Sequence[Step]]) -> None:
    """Nobody logs out, and nobody leaves: everybody has his tokens in the end."""
    async with lived_through(story) as site:
        for user in site.users:
            response = await site.send("/page?0", user=user.name, bearer=user.tokens[-1].access)
            assert response is not None
            assert (response.status, response.body.get("user")) == (200, user.name), response


@pytest.mark.timeout(300)
@as_told
@given(st.lists(st.lists(peaceful, min_size=1, max_size=6), min_size=1, max_size=4))
def test_rotations_take_nobodys_tokens(story: list[list[Step]]) -> None:
    uvloop.run(asyncio.wait_for(live_in_peace(story), 120))
