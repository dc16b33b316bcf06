"""Cross-origin requests: preflights are answered, listed origins see every answer, others see nothing of ours."""

from gateway.core.cors import CrossOrigin
from gateway.headers import Pairs
from gateway.model import RequestHead

SHOP = b"https://shop.example.com"
POLICY = CrossOrigin(frozenset({SHOP}))


def ask(origin: bytes | None, *, method: bytes = b"OPTIONS", fields: Pairs | None = None) -> RequestHead:
    asked = [(b"Access-Control-Request-Method", b"POST")] if fields is None else fields
    return RequestHead(method, b"/api", 1, asked, b"www.example.com", origin=origin)


def test_a_preflight_of_a_listed_origin_is_answered_with_our_headers_added() -> None:
    head = ask(
        SHOP,
        fields=[
            (b"Access-Control-Request-Method", b"PUT"),
            (b"access-control-request-headers", b"X-One, AUTHORIZATION"),
        ],
    )
    assert POLICY.is_preflight(head)
    answer = POLICY.answer_preflight(head)
    fields = dict(answer.fields)
    assert answer.status == 204
    assert fields[b"access-control-allow-origin"] == SHOP
    assert fields[b"access-control-allow-methods"] == b"PUT"
    assert fields[b"access-control-allow-headers"] == b"x-one, authorization, x-crossfade"
    assert fields[b"access-control-allow-credentials"] == b"true"


def test_a_preflight_of_another_origin_is_the_applications_business() -> None:
    assert not POLICY.is_preflight(ask(b"https://evil.example"))
    assert not POLICY.is_preflight(ask(None))
    assert not CrossOrigin().is_preflight(ask(SHOP))


def test_an_options_request_that_asks_for_nothing_is_no_preflight() -> None:
    assert not POLICY.is_preflight(ask(SHOP, fields=[]))
    assert not POLICY.is_preflight(ask(SHOP, method=b"GET"))


def test_answers_to_other_origins_carry_nothing() -> None:
    assert POLICY.response_fields(ask(b"https://shop.example.com.evil.example")) == []
    assert POLICY.response_fields(ask(None)) == []
