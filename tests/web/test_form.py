"""What a form must look like, wherever one is read."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.web.form import MAX_BODY
from tests.web.site import EXCHANGE, REFRESH, Site, code

FORM = {"content-type": "application/x-www-form-urlencoded"}
POSTS = ["token", "revoke", "introspect", "logout"]


async def post(site: Site, path: str, content: object, headers: dict[str, str] = FORM) -> httpx.Response:
    return await site.browser.post(f"/.crossfade/{path}", content=content, headers=headers)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"a=1&a=2", FORM, (400, "invalid_request")),
        (b"a=1&a=", FORM, (400, "invalid_request")),
        (b"a=1&%61=1", FORM, (400, "invalid_request")),
        (b"token=x&access_token=y", FORM, (400, "invalid_request")),  # N30
        (b"a=%ff", FORM, (400, "invalid_request")),
        (b"a=\xff", FORM, (400, "invalid_request")),
        (b"a", FORM, (400, "invalid_request")),
        (b"&".join(b"a%d=1" % number for number in range(33)), FORM, (400, "invalid_request")),
        (b"a=1", {"content-type": "application/json"}, (400, "invalid_request")),
        (b"a=1", {"content-type": "multipart/form-data; boundary=x"}, (400, "invalid_request")),
        (b"a=1", {}, (400, "invalid_request")),
        (b"a=" + b"x" * MAX_BODY, FORM, (413, "body_too_large")),
    ],
)
async def test_a_form_that_is_none(
    site: Site, path: str, content: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(await post(site, path, content, headers)) == expected


async def test_a_body_without_an_announced_length_is_bounded_too(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a=" + b"x" * 1000

    assert code(await post(site, "token", endless())) == (413, "body_too_large")


async def test_the_content_type_may_have_a_charset_and_any_case(site: Site) -> None:
    content = "&".join(f"{name}={value}" for name, value in EXCHANGE.items())
    headers = {"content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}
    assert (await post(site, "token", content, headers)).status_code == 200


@pytest.mark.parametrize("path", [*POSTS, "session"])
@pytest.mark.parametrize("query", ["access_token=x", "grant_type=refresh_token", "x"])
async def test_n34_nothing_is_read_from_the_url(site: Site, path: str, query: str) -> None:
    method = "GET" if path == "session" else "POST"
    data = None if path == "session" else REFRESH
    response = await site.browser.request(method, f"/.crossfade/{path}?{query}", data=data)
    assert code(response) == (400, "invalid_request")
