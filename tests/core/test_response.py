"""What changes in a response on its way to the client."""

import pytest

from gateway.core.response import with_cookies_named, with_private_caching, without_cookies_named, without_reserved
from gateway.headers import Pairs


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], b"private"),
        ([b"max-age=60"], b"max-age=60, private"),
        ([b"no-cache", b"max-age=0"], b"no-cache, max-age=0, private"),
        ([b"no-store"], b"no-store"),
        ([b"Private, max-age=60"], b"Private, max-age=60"),
        ([b"public, max-age=60"], b"public, max-age=60"),
        ([b"s-maxage=5"], b"s-maxage=5"),
    ],
)
def test_a_response_to_a_credential_is_private_unless_the_application_says_otherwise(
    said: list[bytes], expected: bytes
) -> None:
    fields: Pairs = [(b"Cache-Control", value) for value in said]
    assert dict(with_private_caching(fields))[b"cache-control"] == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], b"authorization, cookie"),
        ([b"Accept"], b"Accept, authorization, cookie"),
        ([b"Cookie", b"Accept"], b"Cookie, Accept, authorization"),
        ([b"*"], b"*"),
    ],
)
def test_vary_names_what_the_answer_depends_on(said: list[bytes], expected: bytes) -> None:
    fields: Pairs = [(b"Vary", value) for value in said]
    assert dict(with_private_caching(fields))[b"vary"] == expected


def test_other_fields_stay_in_order_and_twice_where_they_came_twice() -> None:
    fields: Pairs = [(b"Set-Cookie", b"a=1"), (b"X-A", b"1"), (b"Set-Cookie", b"b=2")]
    assert with_private_caching(fields)[:3] == fields


def test_the_application_cannot_speak_in_our_name() -> None:
    fields: Pairs = [(b"x-Crossfade", b"1"), (b"Set-Cookie", b"__Host-ours=x; Path=/"), (b"Set-Cookie", b"theirs=1")]
    fields.append((b"Set-Cookie", b"=__Host-ours=x"))
    assert without_reserved(fields, {b"__Host-ours"}) == [(b"Set-Cookie", b"theirs=1")]


def test_only_cookies_of_the_given_names_are_kept_back() -> None:
    fields: Pairs = [
        (b"Set-Cookie", b"sessionid = new; Path=/"),
        (b"Set-Cookie", b"sessionid2=x"),
        (b"A", b"sessionid=1"),
    ]
    assert without_cookies_named(fields, (b"sessionid",)) == fields[1:]


def test_cookies_of_other_names_go() -> None:
    fields = [(b"Set-Cookie", b"sessionid=1"), (b"set-cookie", b" other=1; Path=/"), (b"X-A", b"other=1")]
    assert with_cookies_named(fields, (b"sessionid",)) == [fields[0], fields[2]]
