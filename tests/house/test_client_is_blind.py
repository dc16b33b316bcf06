"""The browser client treats tokens as opaque."""

from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[2] / "frontend" / "src").rglob("*.ts*"))
READERS = ("atob(", "jwtDecode", "jwt-decode", "jose", '.split(".")', "base64")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_n27_the_client_never_looks_into_an_access_token(path: Path) -> None:
    """N27: RFC 9068 section 6; it knows `expires_in` and nothing of the content."""
    text = path.read_text()
    assert [reader for reader in READERS if reader in text] == []


def test_n27_the_client_goes_by_expires_in() -> None:
    """N27: the life of a token comes from the answer that brought it."""
    assert any("expires_in" in path.read_text() for path in SOURCES)
