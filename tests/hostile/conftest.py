"""One gateway for the whole catalogue, on uvloop as in production."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from tests.hostile.gate import Gate


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gate]:
    gate = Gate()
    await gate.start(tmp_path_factory.mktemp("parallel"), "parallel")
    try:
        await gate.issue_tokens()
        yield gate
    finally:
        await gate.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transparent_gate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gate]:
    """The same with tokens switched off."""
    gate = Gate()
    await gate.start(tmp_path_factory.mktemp("off"), "off")
    yield gate
    await gate.stop()
