"""GET session: who am I."""

import pytest

from gateway.errors import RevocationUnavailable
from gateway.flow.clients import Client
from gateway.model import Phase, Undetermined
from tests.flow.tokens.world import World
from tests.web.site import ELSEWHERE, Site, bearer, code

SESSION = "/.crossfade/session"
NOBODY = {"credential": "none", "subject": None, "session_id": None, "expires_in": None, "phase": "parallel"}


async def test_a_session_cookie_is_named_with_its_end_where_it_is_known(site: Site) -> None:
    """CVE-2024-39315: and nothing in the answer could be shown as a credential."""
    answer = (await site.browser.get(SESSION)).json()
    assert answer == {**NOBODY, "credential": "session", "subject": "ada"}
    site.world.app.log_in(b"s1", "ada", expires_at=site.world.now + 60)
    assert (await site.browser.get(SESSION)).json()["expires_in"] == 60


async def test_a_bearer_decides_alone(site: Site) -> None:
    granted = await site.exchange()
    site.world.app.log_in(b"s2", "bob")
    site.world.pass_time(60)
    headers = {**bearer(granted["access_token"]), "cookie": "sessionid=s2"}
    answer = (await site.program.get(SESSION, headers=headers)).json()
    assert (answer["credential"], answer["subject"], answer["expires_in"]) == ("bearer", "ada", 3540)
    assert answer["session_id"]


async def test_a_token_in_its_leeway_has_no_time_left(site: Site) -> None:
    granted = await site.exchange()
    site.world.pass_time(3600 + 10)
    answer = await site.program.get(SESSION, headers=bearer(granted["access_token"]))
    assert answer.json()["expires_in"] == 0


async def test_a_token_cookie_counts_before_a_session_and_leaves_the_word_to_it_when_it_is_bad(site: Site) -> None:
    granted = await site.exchange()
    good = {"cookie": f"__Host-crossfade_access={granted['access_token']}"}
    assert (await site.program.get(SESSION, headers=good)).json()["credential"] == "token_cookie"
    bad = {"cookie": "__Host-crossfade_access=junk; sessionid=s1"}
    assert (await site.program.get(SESSION, headers=bad)).json()["credential"] == "session"


@pytest.mark.parametrize(
    ("refresh", "gets_access_cookie", "expected"),
    [("", True, "ada"), ("x", True, None), ("", False, None)],
)
async def test_a_token_cookie_that_the_next_request_renews_still_counts(
    refresh: str, *, gets_access_cookie: bool, expected: str | None
) -> None:
    world = await World().start()
    world.app.log_in(b"s1", "ada")
    site = Site(world, clients={"web": Client("web", "cookie", gets_access_cookie=gets_access_cookie)})
    grant = await world.exchange()
    cookies = f"__Host-crossfade_access={grant.access_token}; __Host-crossfade_refresh={grant.refresh_token}{refresh}"
    world.pass_time(3700)
    async with site.program as program:
        answer = (await program.get(SESSION, headers={"cookie": cookies})).json()
        assert (answer["subject"], answer["expires_in"]) == (expected, 0 if expected else None)
        await world.tokens.end_session(world.app.verdicts[b"s1"], "logout", now=world.now)  # type: ignore[arg-type]
        assert (await program.get(SESSION, headers={"cookie": cookies})).json() == NOBODY


@pytest.mark.parametrize("cookie", ["", "sessionid=unknown", "theme=dark"])
async def test_nobody_is_nobody(site: Site, cookie: str) -> None:
    response = await site.program.get(SESSION, headers={"cookie": cookie})
    assert response.json() == NOBODY
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["junk", "expired", "revoked"])
async def test_n33_a_bearer_that_is_not_good_is_an_invalid_token_and_no_more_is_said(site: Site, kind: str) -> None:
    granted = await site.exchange_as_program()
    token = granted["access_token"]
    if kind == "expired":
        site.world.pass_time(3600 + 30)
    if kind == "revoked":
        await site.program.post("/.crossfade/revoke", data={"token": token, "client_id": "mobile"})
    if kind == "junk":
        token = str(token)[:-4] + "AAAA"
    response = await site.program.get(SESSION, headers={**bearer(token), "cookie": "sessionid=s1"})
    assert code(response) == (401, "invalid_token")
    assert response.headers["content-type"] == "application/problem+json"  # N35
    assert response.json()["status"] == 401
    challenge = response.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="crossfade", error="invalid_token"')
    assert kind not in response.text


async def test_n31_the_scheme_has_no_case(site: Site) -> None:
    granted = await site.exchange()
    headers = {"authorization": f"bEARER {granted['access_token']}"}
    assert (await site.program.get(SESSION, headers=headers)).json()["subject"] == "ada"


async def test_n30_two_tokens_in_one_header_are_refused(site: Site) -> None:
    granted = await site.exchange()
    headers = {"authorization": f"Bearer {granted['access_token']}, Bearer {granted['access_token']}"}
    assert code(await site.program.get(SESSION, headers=headers)) == (400, "bad_request")


async def test_a_foreign_authorization_is_not_ours_to_name(site: Site) -> None:
    headers = {"authorization": "Basic eDp5", "cookie": "sessionid=s1"}
    assert (await site.program.get(SESSION, headers=headers)).json()["credential"] == "session"


async def test_unknown_is_never_anonymous(site: Site) -> None:
    granted = await site.exchange()
    site.world.app.verdicts[b"s1"] = Undetermined("timeout")
    assert code(await site.browser.get(SESSION)) == (503, "session_undetermined")

    async def away(_: object) -> None:
        raise RevocationUnavailable

    site.world.revocation.look_up = away  # type: ignore[method-assign, assignment]
    response = await site.program.get(SESSION, headers=bearer(granted["access_token"]))
    assert code(response) == (503, "revocation_unavailable")


async def test_the_phase_is_told(site: Site) -> None:
    site.in_phase(Phase.HANDBACK)
    assert (await site.browser.get(SESSION)).json()["phase"] == "handback"
    site.in_phase(Phase.OFF)
    assert code(await site.browser.get(SESSION)) == (409, "phase_off")


async def test_a_listed_origin_may_read_the_answer_and_another_may_not(site: Site) -> None:
    granted = await site.exchange()
    headers = {**bearer(granted["access_token"]), "origin": ELSEWHERE}
    response = await site.program.get(SESSION, headers=headers)
    assert response.headers["access-control-allow-origin"] == ELSEWHERE
    assert response.headers["vary"] == "Origin"
    other = await site.program.get(SESSION, headers={**headers, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
