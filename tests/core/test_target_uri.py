"""Addresses that mean the same are written the same, and others are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.target_uri import find_normal_uri


@pytest.mark.parametrize(
    ("uri", "normal"),
    [
        ("https://www.example.com", "https://www.example.com/"),
        ("https://www.example.com/a?b=1#c", "https://www.example.com/a"),
        ("HTTPS://WWW.Example.COM/A", "https://www.example.com/A"),
        ("https://www.example.com:443/", "https://www.example.com/"),
        ("https://www.example.com:8443/", "https://www.example.com:8443/"),
        ("http://www.example.com:80/", "http://www.example.com/"),
        ("http://www.example.com:443/", "http://www.example.com:443/"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("https://a/%7euser/%e2%82%ac", "https://a/~user/%E2%82%AC"),
        ("https://a/b%2fc", "https://a/b%2Fc"),
        ("https://a/b/./c/../d", "https://a/b/d"),
        ("https://a/b/..", "https://a/"),
        ("https://a/b/%2e%2e/c", "https://a/c"),
        ("https://a/../b", "https://a/b"),
        ("https://a//b", "https://a//b"),
        ("https://a/b/", "https://a/b/"),
    ],
)
def test_an_address_in_its_normal_form(uri: str, normal: str) -> None:
    assert find_normal_uri(uri) == normal


@pytest.mark.parametrize(
    "uri",
    ["", "/a", "a", "ftp://a/", "https://", "https:///a", "https://user@a/", "https://a:x/", "https://a/%zz",
     "https://a/ b", "https://a/\u00e9", "https://a/\n", "https://[::1/", "https://a/" + "b" * 9000],
)  # fmt: skip
def test_what_is_no_address_of_a_request(uri: str) -> None:
    assert find_normal_uri(uri) is None


@given(st.text("abAB%27eE.-_~/", max_size=30))
def test_the_normal_form_of_a_normal_form_is_itself(path: str) -> None:
    normal = find_normal_uri(f"https://a/{path}")
    if normal is not None:
        again = find_normal_uri(normal)
        assert again == normal
