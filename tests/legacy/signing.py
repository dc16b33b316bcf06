"""What is signed now, as the frameworks would have signed it long ago."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import patch


@contextlib.contextmanager
def signing_long_ago() -> Iterator[None]:
    """Let the framework sign as it did in 2001."""
    with patch("itsdangerous.timed.time", SimpleNamespace(time=lambda: 1_000_000_000.0)):
        yield
