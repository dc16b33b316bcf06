"""The demo application, started as a user would start it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.running import Demo


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory: Path = tmp_path_factory.mktemp("demo")
    app = Demo(directory)
    yield app
    app.stop()
