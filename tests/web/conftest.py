"""The endpoints, and Ada, who is signed in to the application."""

from collections.abc import AsyncIterator

import pytest

from tests.flow.tokens.world import World
from tests.web.site import Site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    site = Site(world)
    async with site.browser, site.program:
        yield site
