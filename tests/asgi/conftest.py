"""One application for all shells, and each shell started once for its class."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.asgi.suite", "tests.asgi.shells")

from tests.asgi.application import Application  # noqa: E402 - after the line above
from tests.asgi.shells import Door  # noqa: E402


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    app = Application()
    yield app
    app.close()


@pytest.fixture(scope="class")
def running_door(
    request: pytest.FixtureRequest, application: Application, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    opened = Door(request.cls.shell, tmp_path_factory.mktemp(request.cls.shell), application)
    yield opened
    opened.close()


@pytest.fixture
def door(running_door: Door) -> Door:
    """A running shell, and an application that remembers nothing yet."""
    running_door.app.clear()
    return running_door
