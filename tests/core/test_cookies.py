"""Our reading of a Cookie header equals the frameworks' own, or the request is refused; removal is byte exact."""

from http.cookies import _unquote as unquote_as_python_does

import pytest
from django.http.cookie import parse_cookie as parse_as_django
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import cookie_parser as parse_as_starlette
from werkzeug.http import parse_cookie as parse_as_werkzeug

from gateway.codec import unquote_cookie
from gateway.core.cookies import MAX_PAIRS, find_cookie, read_cookies, without_cookies
from gateway.errors import BadRequest, FieldsTooLarge

NAMES = frozenset({b"sid"})

# --- group F ---


@pytest.mark.parametrize(
    "cookie",
    [
        b"=sid=x",
        b"; =sid=x",
        b"==sid=x",
        b"sid",
        b"a=b; sid; c=d",
        b"sid =a",
        b"sid\t=a",
        b"\tsid=a",
        b"sid= a",
        b"sid=a b",
        b"sid=a\tb",
        b'sid=a"b',
        b'sid="a',
        b'sid=a"',
        b'sid="a b"',
        b'sid="a;b"',
        b'sid="a\\"b"',
        b"sid=a\\b",
        b"sid=a\xc3\xa9",
        b"sid=\x00",
        b"sid=\x7f",
        b'"sid=a; b"; sid=c',
        b'x="; sid=a; y="',
        b'x="\\"; sid=a; y="',
        b'x= "; sid=a; y="',
        b"%73id=a",
        b"s%69d=a; sid=b",
        b"sid%20=a",
        b"x=y,sid=a",
        b"x=y, sid=a; sid=b",
        b"sid=a,sid=b",
        b"sid=a,x=b",
        b"sid[]=a",
        b"sid[a]=x; sid=b",
        b"\xc2\xa0sid=a",
        b"sid\xc2\xa0=a",
        b"\xe3\x80\x80sid=a",
        b"\x0bsid=a",
        b"\x1csid=a",
    ],
)
def test_f6_what_parsers_read_differently_is_refused(cookie: bytes) -> None:
    with pytest.raises(BadRequest):
        read_cookies(cookie, NAMES)


def test_f6_a_name_that_php_turns_into_ours_is_refused() -> None:
    for cookie in (b"my.session=x", b"my session=x", b"my_session[a]=x"):
        with pytest.raises(BadRequest):
            read_cookies(cookie, {b"my_session"})
    assert read_cookies(b"connect.sid=x", {b"connect.sid"}) == [(b"connect.sid", b"x")]


@pytest.mark.parametrize(
    ("cookie", "values"),
    [
        (b"", []),
        (b"SID=a", []),
        (b"xsid=a; sidx=b; x-sid=c", []),
        (b"$Version=1; sid=a; $Path=/", [b"a"]),
        (b"x=sid; y=my sid is; sid=a", [b"a"]),
        (b'json={"a":1,"b":[2,3]}; sid=a', [b"a"]),
        (b"list=a,b,c; sid=a", [b"a"]),
        (b'x="unclosed; sid=a', [b"a"]),
        (b'x="closed; y"; z=1', []),
        (b'x="quoted; and split"; sid=a', None),
        (b'x="closed"; sid=a; y="closed"', [b"a"]),
        (b'sid=a; x="late; y"', [b"a"]),
        ("name=J\u00fcrgen; sid=a".encode(), [b"a"]),
        (b"a.b=1; %41=2; c[d]=3; sid=a", [b"a"]),
        (b"sid=a;;; ;sid=b;", [b"a", b"b"]),
    ],
)
def test_what_is_not_about_our_cookies_does_not_matter(cookie: bytes, values: list[bytes] | None) -> None:
    if values is None:
        with pytest.raises(BadRequest):
            read_cookies(cookie, NAMES)
    else:
        assert read_cookies(cookie, NAMES) == [(b"sid", value) for value in values]


def test_no_header_has_no_cookies() -> None:
    assert read_cookies(None, NAMES) == []
    assert find_cookie(None, b"sid") is None
    assert without_cookies(None, NAMES) is None


@pytest.mark.parametrize("part", [b'a=";', b'a="b;', b"a,b=c;", b"=;", b"a;", b"%61=b;", b"a.b=c;", b'";', b",=,="])
def test_f8_a_header_of_the_largest_size_takes_no_more_than_its_share(part: bytes) -> None:
    """Were any step quadratic, this would take minutes."""
    cookie = part * (65536 // len(part))
    assert without_cookies(cookie, NAMES) == cookie
    assert find_cookie(cookie + b";sid=1", b"sid") == b"1"
    assert read_cookies((part * (MAX_PAIRS - 1)).replace(b";;", b";"), NAMES) == []


def test_f8_more_cookies_than_any_browser_sends_are_refused() -> None:
    assert read_cookies(b"a=1;" * (MAX_PAIRS - 1) + b"sid=1", NAMES) == [(b"sid", b"1")]
    with pytest.raises(FieldsTooLarge):
        read_cookies(b"a=1;" * MAX_PAIRS, NAMES)


def test_names_too_long_to_be_ours_are_not_decoded() -> None:
    assert read_cookies(b"%" * 65536 + b"; sid=a", NAMES) == [(b"sid", b"a")]


# --- against the real parsers ---

NAMES_AND_VALUES = [
    b"sid",
    b"sid=",
    b"sid=a",
    b"sid=b",
    b'sid="q"',
    b"%73id=",
    b"sid2",
    b"a",
    b"x",
    b"x=",
    b"$Version=1",
]
MARKS = [b"=", b";", b"; ", b'"; ', b" ", b"\t", b'"', b"'", b"\\", b"\\073", b",", b".", b"[", b"]", b"/"]
BEYOND_ASCII = [b"\xc2\xa0", b"\xc3\xa9"]
PIECES = st.sampled_from([*NAMES_AND_VALUES, *MARKS, *BEYOND_ASCII])
HEADERS = st.lists(PIECES, max_size=14).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(HEADERS)
def test_our_reading_equals_that_of_django_starlette_and_werkzeug(cookie: bytes) -> None:
    try:
        found = [value for _, value in read_cookies(cookie, NAMES)]
    except BadRequest:
        return
    text = cookie.decode("utf-8")
    last = unquote_as_python_does(found[-1].decode()) if found else None
    first = unquote_cookie(found[0]).decode() if found else None
    assert parse_as_django(text).get("sid") == last
    assert parse_as_starlette(text).get("sid") == last
    assert parse_as_werkzeug(cookie.decode("latin-1")).get("sid") == first
    assert parse_as_werkzeug(cookie.decode("latin-1")).getlist("sid") == [unquote_cookie(v).decode() for v in found]


@settings(max_examples=150, deadline=None)
@given(HEADERS)
def test_no_parser_finds_a_cookie_that_was_removed(cookie: bytes) -> None:
    left = (without_cookies(cookie, NAMES) or b"").decode("utf-8")
    assert "sid" not in parse_as_django(left)
    assert "sid" not in parse_as_werkzeug(left.encode().decode("latin-1"))
    assert read_cookies(left.encode(), NAMES) == []


# --- removal ---


@pytest.mark.parametrize(
    ("cookie", "left"),
    [
        (b"sid=a", None),
        (b"sid=a; sid=b", None),
        (b" ; sid=a;", None),
        (b"sid=a; x=1", b"x=1"),
        (b"x=1; sid=a", b"x=1"),
        (b"x=1; sid=a; y=2", b"x=1; y=2"),
        (b"x=1;sid=a;y=2", b"x=1;y=2"),
        (b'x="1;  2" ;sid=a ; y = 3;', b'x="1;  2" ; y = 3;'),
        (b"x=1", b"x=1"),
        (b"", b""),
        (b"x=sid; y=\xff", b"x=sid; y=\xff"),
        (b"x=1; sid; y=2", b"x=1; y=2"),
        (b"x=1; %73id=q; =sid=q; \tsid =q; s=2", b"x=1; s=2"),
        (b"list=a,b; p=q,sid=x", b"list=a,b"),
    ],
)
def test_what_stays_stays_byte_for_byte(cookie: bytes, left: bytes | None) -> None:
    assert without_cookies(cookie, NAMES) == left


def test_nothing_is_removed_where_nothing_is_named() -> None:
    cookie = b"sid=a; x"
    assert without_cookies(cookie, ()) is cookie


@given(st.lists(st.sampled_from([b"sid=1", b"a=1", b"b=2", b"c=3"]), min_size=1))
def test_removal_keeps_the_others_in_order(parts: list[bytes]) -> None:
    kept = [part for part in parts if part != b"sid=1"]
    assert without_cookies(b"; ".join(parts), NAMES) == (b"; ".join(kept) or None)


# --- ours ---


@pytest.mark.parametrize(
    ("cookie", "value"),
    [
        (b"ours=a", b"a"),
        (b"x=1; ours=a=b; y=2", b"a=b"),
        (b"Ours=a", None),
        (b"xours=a; oursx=b; x=ours", None),
        (b"ours", None),
        (b"ours=", b""),
        (b"\tours=a", None),
        (b"=ours=a", None),
    ],
)
def test_only_the_exact_name_is_ours(cookie: bytes, value: bytes | None) -> None:
    assert find_cookie(cookie, b"ours") == value


def test_a_cookie_of_ours_never_occurs_twice() -> None:
    with pytest.raises(BadRequest):
        find_cookie(b"ours=a; x=1; ours=a", b"ours")
