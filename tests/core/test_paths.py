"""Group G: paths that two parsers could read differently are named by a closed word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.paths import RELAXABLE, Ambiguity, ambiguities, fold, is_simple, readings

ROWS = [
    ("G1 dot segments", b"/public/../admin", {"dot_segment"}),
    ("G1 single dot", b"/public/./admin", {"dot_segment"}),
    ("G1 at the end", b"/public/..", {"dot_segment"}),
    ("G2 encoded dots", b"/public/%2e%2e/admin", {"dot_segment"}),
    ("G2 capital", b"/public/%2E./admin", {"dot_segment"}),
    ("G2 half encoded", b"/public/.%2e/admin", {"dot_segment"}),
    ("G3 encoded slashes", b"/public%2f..%2fadmin", {"dot_segment", "encoded_slash"}),
    ("G3 one encoded slash", b"/files/a%2Fb", {"encoded_slash"}),
    ("G3 backslash", b"/public\\..\\admin", {"backslash", "dot_segment"}),
    ("G3 encoded backslash", b"/public/%5c/admin", {"backslash"}),
    ("G3 twice encoded backslash", b"/public/%255c/admin", {"backslash", "encoded_percent"}),
    ("G4 double slash", b"//admin", {"double_slash"}),
    ("G4 double slash inside", b"/public//../admin", {"double_slash", "dot_segment"}),
    ("G4 only slashes", b"///", {"double_slash"}),
    ("G4 half encoded double slash", b"/public/%2fadmin", {"encoded_slash", "double_slash"}),
    ("G5 parameter before dots", b"/public;/../admin", {"semicolon", "dot_segment"}),
    ("G5 parameter", b"/admin;x=1", {"semicolon"}),
    ("G5 dots with parameter", b"/..;/admin", {"semicolon", "dot_segment"}),
    ("G5 dot with parameter", b"/.;/", {"semicolon", "dot_segment"}),
    ("G5 encoded semicolon", b"/admin%3bx", {"semicolon"}),
    ("G5 encoded dots with parameter", b"/%2e%2e%3b/admin", {"semicolon", "dot_segment"}),
    ("G6 NUL", b"/admin%00.css", {"control"}),
    ("G6 CR LF", b"/admin%0d%0aX-Auth-User:%20admin", {"control"}),
    ("G6 raw tab", b"/a\tb", {"control"}),
    ("G6 DEL", b"/a%7f", {"control"}),
    ("G6 twice encoded NUL", b"/a%2500", {"control", "encoded_percent"}),
    ("G6 overlong", b"/%c0%ae%c0%ae/admin", {"overlong"}),
    ("G6 overlong of three", b"/%e0%80%af", {"overlong"}),
    ("G6 overlong of four", b"/%f0%80%80%af", {"overlong"}),
    ("G6 twice encoded overlong", b"/%25c0%25ae", {"overlong", "encoded_percent"}),
    ("G6 no digits", b"/%zz", {"bad_percent"}),
    ("G6 one digit", b"/a%2", {"bad_percent"}),
    ("G6 percent alone", b"/100%", {"bad_percent"}),
    ("G6 percent before escape", b"/%%41", {"bad_percent"}),
    ("G6 IIS escape", b"/%u002e", {"bad_percent"}),
    ("G7 double encoding", b"/public/%252e%252e/admin", {"encoded_percent", "dot_segment"}),
    ("G7 double encoded slash", b"/a%252fb", {"encoded_percent"}),
    ("G10 encoded fragment", b"/foo/secret%23/bar", {"encoded_delimiter"}),
    ("G10 raw fragment", b"/foo/secret#/bar", {"encoded_delimiter"}),
    ("G9 encoded query", b"/api/private%3fx", {"encoded_delimiter"}),
    ("plain", b"/api/users/17", set()),
    ("root", b"/", set()),
    ("G8 capitals", b"/ADMIN", set()),
    ("slash at the end", b"/admin/", set()),
    ("dot at the end", b"/admin.", set()),
    ("dots that are no segment", b"/a..b/...c/..d", set()),
    ("encoded space and letters", b"/a%20b/%61dmin/caf%C3%A9", set()),
    ("Latin-1", b"/caf%e9", set()),
    ("a percent sign", b"/100%25", set()),
    ("sub-delims", b"/a:b@c!$&'()*+,=d", set()),
]


@pytest.mark.parametrize(("path", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_way_to_be_read_differently_has_its_word(path: bytes, words: set[str]) -> None:
    assert set(ambiguities(path)) == words


def test_what_has_no_honest_use_is_named_first() -> None:
    """So that a route that relaxes the rest can be asked for the first word alone."""
    assert next(ambiguities(b"/a;b//..%2f")) == "dot_segment"
    order = list(Ambiguity)
    assert all(order.index(word) > 4 for word in RELAXABLE)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/a/b", {b"/a/b"}),
        (b"/a/", {b"/a/"}),
        (b"/%61/b", {b"/%61/b", b"/a/b"}),
        (b"/%2561", {b"/%2561", b"/%61", b"/a"}),
        (b"/a;x/b", {b"/a;x/b", b"/a/b"}),
        (b"/a//b", {b"/a//b", b"/a/b"}),
        (b"/a//b;x", {b"/a//b;x", b"/a/b;x", b"/a/b"}),
        (b"/a/;x/../b", {b"/a/;x/../b", b"/a/b", b"/b"}),
        (b"/a/..;\\b", {b"/a/..;\\b", b"/a/..;/b", b"/b"}),
        (b"/a/../b/.", {b"/a/../b/.", b"/b/"}),
        (b"/a\\..\\b", {b"/a\\..\\b", b"/b"}),
        (b"/../..", {b"/../..", b"/"}),
    ],
)
def test_readings_are_what_servers_make_of_a_path(path: bytes, expected: set[bytes]) -> None:
    found = readings(path)
    assert found[0] == path
    assert set(found) == expected


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        (b"/Admin/", b"/admin"),
        (b"/", b"/"),
        (b"///", b"/"),
        ("/ÄDMIN".encode(), "/ädmin".encode()),
        ("/\uff41dmin".encode(), b"/admin"),
        ("/\u212aey".encode(), b"/key"),
        (b"/\xff\xfeX", b"/\xff\xfex"),
    ],
)
def test_folding_forgets_case_width_and_slashes_at_the_end(path: bytes, folded: bytes) -> None:
    assert fold(path) == folded


@given(st.text("aZ/.%25e;\\#\N{LATIN SMALL LETTER LONG S}", max_size=20).map(lambda text: b"/" + text.encode()))
def test_a_simple_path_has_one_reading_and_no_ambiguity(path: bytes) -> None:
    if is_simple(path):
        assert readings(path) == [path]
        assert list(ambiguities(path)) == []
        assert fold(path) == path
