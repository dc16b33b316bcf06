"""A way back leads to a path of the same origin, however the tricks of open redirects are spelled."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.return_path import find_return_path

TRICKS = [
    b"",
    b"*",
    b"evil.example",
    b"https://evil.example",
    b"HTTPS:evil.example",
    b"javascript:alert(1)",
    b"//evil.example",
    b"///evil.example",
    b"////evil.example/%2e%2e",
    b"/\\evil.example",
    b"/\\/evil.example",
    b"\\\\evil.example",
    b"\\/evil.example",
    b"/%5cevil.example",
    b"/%5C/evil.example",
    b"/%2fevil.example",
    b"/%2Fevil.example",
    b"%2f%2fevil.example",
    b"/%252fevil.example",
    b"/%25252fevil.example",
    b"/%255cevil.example",
    b"/%09/evil.example",
    b"/%0a/evil.example",
    b"/%0d%0aLocation:%20https://evil.example",
    b"/%00/evil.example",
    b"/%0b/evil.example",
    b"/\t/evil.example",
    b"/\n/evil.example",
    b"/\r/evil.example",
    b" //evil.example",
    b"/ /evil.example",
    b"/.//evil.example",
    b"/..//evil.example",
    b"/.\\evil.example",
    b"/%2e%2e//evil.example",
    b"/%2e/%2fevil.example",
    b"/./evil.example",
    b"/a/../..//evil.example",
    b"/a/..",
    b"/a//evil.example",
    b"/a%2f/evil.example",
    b"/;@evil.example//x",
    b"/\xc2\xa0/evil.example",
    b"/\xe3\x80\x82evil.example",
    b"/\xff",
    b"/" + b"a" * 2048,
]


@pytest.mark.parametrize("target", TRICKS)
def test_what_could_lead_elsewhere_is_no_way_back(target: bytes) -> None:
    """CVE-2020-5233, CVE-2020-11053, CVE-2020-4037, CVE-2021-21291, CVE-2022-23527, CVE-2021-29651: open redirects."""
    assert find_return_path(target) is None


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/a/b/",
        b"/a/b?x=1&next=https://evil.example//",
        b"/a?u=//evil.example",
        b"/a%20b/caf%C3%A9",
        b"/a..b/.well-known/x",
        b"/a;b=c,d@e:f!$'()*+~",
        b"/100%25",
        b"/a%2525",
    ],
)
def test_honest_paths_are_kept_byte_for_byte(target: bytes) -> None:
    assert find_return_path(target) == target.decode()


@given(st.text("/\\.%25cCfFeE09aA@:?#\t;", max_size=24).map(lambda text: b"/" + text.encode()))
def test_no_way_back_leaves_the_origin_however_often_it_is_decoded(target: bytes) -> None:
    path = find_return_path(target)
    for _ in range(4):
        if path is None:
            return
        browser_sees = path.partition("?")[0].replace("\\", "/").replace("\t", "")
        assert urlsplit(urljoin("https://www.example.com/login", browser_sees)).netloc == "www.example.com"
        path = unquote(path.partition("?")[0])
