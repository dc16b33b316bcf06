"""One user, Ada, with a session."""

import pytest

from tests.flow.tokens.world import World


@pytest.fixture
async def world() -> World:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    return world
