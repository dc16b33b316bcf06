"""From the section `delivery` to cookies, to whom they are given, and by whom."""

import pytest

from gateway.core.own_cookies import OwnCookies
from gateway.core.phases import posture_of
from gateway.facts import Nothing
from gateway.model import Phase
from gateway.wiring.delivery import cookies_of, open_delivery
from gateway.wiring.policies import clients_of
from tests.flow.tokens.world import World
from tests.settings.samples import MINIMAL, settings_of

SESSIONS = """
sessions: [{ name: main, format: flask, secrets: { env: S }, place: { cookie: {} } }]
tokens: { trust_store_alone: true }
"""


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        ("{}", OwnCookies(follows=True)),
        ("{ same_site: strict }", OwnCookies(same_site=b"Strict")),
        (
            "{ cookie_domain: example.com, same_site: none }",
            OwnCookies(
                b"__Secure-crossfade_access",
                b"__Secure-crossfade_refresh",
                b"None",
                b"example.com",
                domains=(b"www.example.com", b"example.com"),
            ),
        ),
    ],
)
def test_cookies_are_as_the_configuration_says(delivery: str, expected: OwnCookies) -> None:
    assert cookies_of(settings_of(f"{MINIMAL}delivery: {delivery}\n")) == expected


@pytest.mark.parametrize(
    ("clients", "delivery", "expected"),
    [
        ("{ id: web }, { id: mobile, delivery: body }", "{ automatic: true }", "web"),
        ("{ id: web }, { id: other }", "{ automatic: true, client: other }", "other"),
        ("{ id: web }", "{}", ""),
    ],
)
async def test_one_client_gets_its_access_tokens_as_cookies(clients: str, delivery: str, expected: str) -> None:
    settings = settings_of(f"{MINIMAL}clients: [{clients}]\ndelivery: {delivery}{SESSIONS}")
    found = [client.id for client in clients_of(settings).values() if client.gets_access_cookie]
    assert found == ([expected] if expected else [])
    posture = posture_of(Phase.PARALLEL, "initial")
    opened = open_delivery(settings, OwnCookies(), World().tokens, lambda: posture, Nothing())
    assert (opened is not None) == bool(expected)
