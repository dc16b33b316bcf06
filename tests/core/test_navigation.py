"""What browsers say of their requests by themselves."""

import pytest

from gateway.core.navigation import is_from_elsewhere, is_from_own_page, is_loaded_by_another_site, is_navigation
from gateway.headers import Pairs
from gateway.model import RequestHead

HTML: Pairs = [(b"Accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")]
ORIGIN = b"https://www.example.com"


def head(fields: Pairs, method: bytes = b"GET", **more: object) -> RequestHead:
    return RequestHead(method, b"/", 1, fields, b"www.example.com", **more)  # type: ignore[arg-type]


def fetch(mode: bytes, destination: bytes, site: bytes = b"none") -> Pairs:
    return [(b"Sec-Fetch-Mode", mode), (b"Sec-Fetch-Dest", destination), (b"Sec-Fetch-Site", site)]


@pytest.mark.parametrize("fields", [fetch(b"navigate", b"document"), HTML])
def test_a_page_of_a_tab_is_a_navigation(fields: Pairs) -> None:
    assert is_navigation(head(fields))


@pytest.mark.parametrize(
    "other",
    [
        head(fetch(b"navigate", b"iframe") + HTML),
        head(fetch(b"no-cors", b"image") + HTML),
        head(fetch(b"cors", b"empty") + HTML),
        head(fetch(b"navigate", b"document"), b"POST"),
        head(HTML, b"HEAD"),
        head(HTML, websocket=True),
        head(HTML, asks=b"1"),
        head([(b"Accept", b"*/*")]),
        head([]),
    ],
)
def test_nothing_else_is(other: RequestHead) -> None:
    assert not is_navigation(other)


@pytest.mark.parametrize(
    ("site", "expected"), [(b"cross-site", True), (b"same-site", True), (b"same-origin", False), (b"none", False)]
)
def test_a_browser_says_whose_page_asked(site: bytes, *, expected: bool) -> None:
    assert is_from_elsewhere(head(fetch(b"navigate", b"document", site))) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (fetch(b"no-cors", b"image", b"cross-site"), True),
        (fetch(b"cors", b"empty", b"cross-site"), True),
        (fetch(b"navigate", b"iframe", b"cross-site"), False),
        (fetch(b"no-cors", b"image", b"same-site"), False),
        ([], False),
    ],
)
def test_what_another_site_loads_is_told_from_where_it_leads(fields: Pairs, *, expected: bool) -> None:
    assert is_loaded_by_another_site(head(fields)) is expected


def test_an_origin_decides_and_fetch_metadata_stands_in_for_it() -> None:
    assert is_from_own_page(head([], origin=ORIGIN), ORIGIN)
    assert not is_from_own_page(head(fetch(b"cors", b"empty", b"same-origin"), origin=b"null"), ORIGIN)
    assert is_from_own_page(head(fetch(b"cors", b"empty", b"same-origin")), ORIGIN)
    assert not is_from_own_page(head([]), ORIGIN)
