"""docs/endpoints.md names every endpoint and every error."""

import re
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError
from gateway.web.app import PREFIX, endpoints_under

PAGE = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text()


def kinds(kind: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """An error and everything below it in the tree."""
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


def test_every_endpoint_has_a_chapter() -> None:
    titles = " ".join(line for line in PAGE.splitlines() if line.startswith("## "))
    for path in endpoints_under():
        name = path.decode().removeprefix(f"{PREFIX}/")
        assert re.search(rf"(?:POST |GET |and ){re.escape(name)}(?: |$)", titles), name


def test_the_table_of_errors_is_that_of_the_tree() -> None:
    ours = {(kind.code, kind.status, kind.title) for kind in kinds() if kind.__module__.startswith("gateway.")}
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == len(set(rows)) == len({(code, status) for code, status, _ in rows})
    assert {(code, int(status), title) for code, status, title in rows} == ours
