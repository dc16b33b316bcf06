"""N30 to N36: how a Bearer is shown and how errors look, as RFC 6750 and RFC 9457 say it. One rule, one test."""

import orjson
import pytest

from gateway import errors
from gateway.core.rescue import answer_error
from gateway.errors import BadRequest, GatewayError, StartError, Unauthenticated
from gateway.http1.fields import FieldTable
from gateway.http1.head import build_head
from gateway.http1.limits import Limits
from tests.web.site import EXCHANGE, REFRESH, Site, bearer, code

SESSION = "/.crossfade/session"


def all_errors() -> list[type[GatewayError]]:
    found = (getattr(errors, name) for name in errors.__all__)
    return [kind for kind in found if issubclass(kind, GatewayError) and not issubclass(kind, StartError)]


def example_of(kind: type[GatewayError]) -> GatewayError:
    try:
        return kind("GET")
    except TypeError:
        return kind()


async def test_n30_one_way_to_send_a_token_per_request(site: Site) -> None:
    """N30 (RFC 6750 section 2): a token in a form or in the URL is refused, also beside a good header."""
    good = bearer((await site.exchange())["access_token"])
    for path in ("token", "revoke", "introspect", "logout"):
        response = await site.program.post(f"/.crossfade/{path}", data={"access_token": "x"}, headers=good)
        assert code(response) == (400, "invalid_request")
    assert code(await site.program.get(f"{SESSION}?access_token=x", headers=good)) == (400, "invalid_request")


def test_n30_two_authorization_headers_are_refused() -> None:
    """N30 (RFC 6750 section 2): a second Authorization header makes the request unreadable, whatever it holds."""
    pairs = [(b"Host", b"a"), (b"Authorization", b"Bearer a.b.c"), (b"authorization", b"Bearer a.b.c")]
    with pytest.raises(BadRequest):
        build_head(b"GET", b"/", 1, pairs, FieldTable(()), Limits())


async def test_n30_a_header_decides_alone_beside_a_token_cookie(site: Site) -> None:
    """N30 (RFC 6750 section 2): where a header shows a token, a token cookie beside it is not even read."""
    token = (await site.exchange())["access_token"]
    bad_cookie = {"cookie": "__Host-crossfade_access=a.b.c"}
    response = await site.program.get(SESSION, headers={**bearer(token), **bad_cookie})
    assert response.json()["credential"] == "bearer"
    forged = await site.program.get(
        SESSION, headers={**bearer(f"{token}A"), "cookie": f"__Host-crossfade_access={token}"}
    )
    assert code(forged) == (401, "invalid_token")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_n31_the_authorization_header_is_understood_in_any_case(site: Site, scheme: str) -> None:
    """N31 (RFC 6750 section 2.1, RFC 9110 section 11.1): the scheme has no case."""
    token = (await site.exchange())["access_token"]
    response = await site.program.get(SESSION, headers={"authorization": f"{scheme} {token}"})
    assert response.json()["subject"] == "ada"


async def test_n32_a_challenge_without_a_credential_names_no_error(site: Site) -> None:
    """N32 (RFC 6750 section 3.1): the challenge says what is wrong with a token, and nothing where none was shown."""
    site.browser.cookies.clear()
    nothing = await site.browser.post("/.crossfade/token", data=EXCHANGE)
    assert (nothing.status_code, nothing.headers["www-authenticate"]) == (401, 'Bearer realm="crossfade"')
    token = (await site.exchange_as_program())["access_token"]
    forged = await site.program.get(SESSION, headers=bearer(f"{token}A"))
    assert 'error="invalid_token"' in forged.headers["www-authenticate"]


async def test_n33_expired_revoked_and_malformed_look_the_same(site: Site) -> None:
    """N33 (RFC 6750 section 3.1): each is 401 `invalid_token`, and nothing tells one from the other."""
    revoked = str((await site.exchange_as_program())["access_token"])
    await site.program.post("/.crossfade/revoke", data={"token": revoked, "client_id": "mobile"})
    old = str((await site.exchange_as_program())["access_token"])
    answers = [await site.program.get(SESSION, headers=bearer(token)) for token in (revoked, f"{old}A")]
    site.world.pass_time(3700)
    answers.append(await site.program.get(SESSION, headers=bearer(old)))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1


@pytest.mark.parametrize("path", ["token", "revoke", "introspect", "logout", "session"])
async def test_n34_no_token_is_read_from_a_url(site: Site, path: str) -> None:
    """N34 (RFC 9700 section 4.3.2): a request for us that has a query is refused before anything is read of it."""
    method = "GET" if path == "session" else "POST"
    response = await site.program.request(method, f"/.crossfade/{path}?token=x")
    assert code(response) == (400, "invalid_request")


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_n35_each_error_is_a_problem_whose_status_is_its_own(kind: type[GatewayError]) -> None:
    """N35 (RFC 9457 section 3.1): a problem of its own type, `status` as answered, and a challenge where it is 401."""
    error = example_of(kind)
    answer = answer_error(error, head=None, request_id="r-1")
    fields = dict(answer.fields)
    problem = orjson.loads(answer.body)
    assert fields[b"content-type"] == b"application/problem+json"
    assert problem["status"] == answer.status == kind.status
    assert problem["type"] == f"urn:crossfade:problem:{kind.code}"
    assert (b"www-authenticate" in fields) is issubclass(kind, Unauthenticated) is (answer.status == 401)


async def test_n36_whatever_is_answered_about_tokens_is_stored_by_nobody(site: Site) -> None:
    """N36 (RFC 6749 section 5.1, OWASP): tokens, refusals, revocations and logouts are all `no-store`."""
    granted = await site.exchange()
    answers = [
        await site.browser.post("/.crossfade/token", data=EXCHANGE),
        await site.browser.post("/.crossfade/token", data=REFRESH),
        await site.browser.post("/.crossfade/token", data={}),
        await site.browser.get(SESSION, headers=bearer(granted["access_token"])),
        await site.browser.options("/.crossfade/token"),
        await site.browser.put("/.crossfade/token"),
        await site.program.post("/.crossfade/revoke", data={"token": "x", "client_id": "mobile"}),
        await site.program.post("/.crossfade/introspect", data={"token": "x"}),
        await site.browser.post("/.crossfade/logout"),
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
