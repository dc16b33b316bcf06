"""Every code of the gateway is known to the browser client, and its README says what happens then."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import GatewayError, StartError

FRONTEND = Path(__file__).parents[2] / "frontend"
README = (FRONTEND / "README.md").read_text()
TYPES = (FRONTEND / "src" / "api" / "errors.ts").read_text()

TITLES = ("for a request of the application", "for the client's own requests")

ADVICE = (
    "Add the code to `GatewayCode` in frontend/src/api/errors.ts and to both tables of the gateway's codes in "
    "frontend/README.md. The client needs no other change where its answer to the status is right: it keeps its tokens "
    "and tries again for 408, 429 and 5xx, takes the session cookie for any other refusal of a token request, and "
    "passes answers to the application's own requests on, but for a 401 that says `invalid_token`, which it heals."
)


def codes_of(error: type[GatewayError]) -> Iterator[str]:
    """The code of an error and of all below it; those that only end a command are never an answer."""
    if not issubclass(error, StartError):
        yield error.code
        for narrower in error.__subclasses__():
            yield from codes_of(narrower)


CODES = sorted(set(codes_of(GatewayError)))


def table_under(title: str) -> str:
    _, _, rest = README.partition(f"### Codes of the gateway, {title}\n")
    return rest.partition("\n### ")[0]


def test_the_client_names_the_codes_of_the_gateway_and_no_other() -> None:
    union = re.search(r"export type GatewayCode =([^;]+);", TYPES)
    assert union is not None
    named = re.findall(r'"(\w+)"', union[1])
    assert (set(CODES) - set(named), set(named) - set(CODES)) == (set(), set()), ADVICE


@pytest.mark.parametrize("title", TITLES)
def test_the_readme_says_what_happens(title: str) -> None:
    table = table_under(title)
    assert [code for code in CODES if f"`{code}`" not in table] == [], ADVICE
