"""POST ticket: an address that stands in the place of a Bearer, once."""

import pytest

from gateway.http1.ticket import PARAMETER
from tests.web.site import Site, bearer, code

TICKET = "/.crossfade/ticket"


async def test_the_address_is_the_path_with_a_ticket_that_shows_no_token(site: Site) -> None:
    token = str((await site.exchange())["access_token"])
    response = await site.program.post(TICKET, data={"path": "/events/?a=b"}, headers=bearer(token))
    assert response.status_code == 200
    body = response.json()
    assert body["url"].startswith("/events/?a=b&" + PARAMETER.decode())
    assert body["expires_in"] == 30
    assert response.headers["cache-control"] == "no-store"
    assert token.split(".")[1] not in body["url"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "events",
        "https://evil.example/",
        "//evil.example/",
        "/a b",
        "/a#b",
        "/ü",
        "/a\r\nb",
        "/a?crossfade_ticket=1",
    ],
)
async def test_what_is_no_path_gets_none(site: Site, path: str) -> None:
    granted = await site.exchange()
    response = await site.program.post(TICKET, data={"path": path}, headers=bearer(granted["access_token"]))
    assert code(response) == (400, "invalid_request")


async def test_only_a_bearer_gets_one(site: Site) -> None:
    await site.exchange()
    assert code(await site.browser.post(TICKET, data={"path": "/"})) == (401, "login_required")
    assert code(await site.program.post(TICKET, data={"path": "/"}, headers=bearer("x.y.z"))) == (401, "login_required")
