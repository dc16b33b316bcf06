"""Tokens as cookies, as the configuration wants them."""

from collections.abc import Callable

from gateway.core.own_cookies import OwnCookies, own_cookies
from gateway.core.phases import Posture
from gateway.flow.delivery import Delivery, DeliveryPolicy
from gateway.flow.tokens import TokenFlow
from gateway.ports import Facts
from gateway.settings.schema.root import Settings
from gateway.wiring.flights import GrantFlights
from gateway.wiring.policies import clients_of

_RENEWED_FOR = 5.0  # seconds in which all requests that show one expired token get the same tokens, asked for once


def cookies_of(settings: Settings) -> OwnCookies:
    """The names and attributes of our cookies."""
    delivery = settings.delivery
    host = settings.public_url.host
    return own_cookies(same_site=delivery.same_site, domain=delivery.cookie_domain or "", host=host)


def open_delivery(
    settings: Settings, cookies: OwnCookies, tokens: TokenFlow, posture: Callable[[], Posture], facts: Facts
) -> Delivery | None:
    """What gives browsers their tokens by itself, where that is switched on."""
    if not settings.delivery.automatic:
        return None
    client = next(client for client in clients_of(settings).values() if client.gets_access_cookie)
    policy = DeliveryPolicy(client, cookies, str(settings.public_url).encode("ascii"), settings.tokens.grace)
    return Delivery(
        policy=policy,
        posture=posture,
        tokens=tokens,
        exchanges=GrantFlights(),
        renewals=GrantFlights(kept=_RENEWED_FOR),
        facts=facts,
    )
