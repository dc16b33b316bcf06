"""Checks of how tokens travel as cookies."""

from collections.abc import Iterator

from gateway.settings.addresses import is_ip_address
from gateway.settings.explain import closest
from gateway.settings.faults import Finding
from gateway.settings.schema.root import Settings

_REGISTRY_LABELS = frozenset({"ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "ltd", "net", "or", "org", "plc"})
"""Labels below which countries register names: `co.uk` and `com.au` belong to everybody who has a site there."""
_COUNTRY = 2


def tokens_can_be_delivered(settings: Settings) -> Iterator[Finding]:
    """Tokens that are given by themselves belong to one client, which a browser can be, and come from sessions."""
    delivery = settings.delivery
    browsers = [client for client in settings.clients if client.delivery == "cookie"]
    if delivery.client is not None and not delivery.automatic:
        yield Finding(("delivery", "client"), "has a meaning only with `automatic: true`")
    if not delivery.automatic:
        return
    if not settings.sessions:
        yield Finding(("delivery", "automatic"), "needs sessions, which the tokens are made from")
    if len({session.upstream or settings.default_upstream for session in settings.sessions}) > 1:
        yield Finding(("delivery", "automatic"), "needs all sessions at one upstream: browsers keep one pair of tokens")
    if settings.tokens.grace == 0:
        yield Finding(("delivery", "automatic"), "needs tokens.grace: requests that come at once show the same token")
    if delivery.client is None:
        if len(browsers) != 1:
            yield Finding(("delivery",), "needs `client`: exactly one has to be chosen that has `delivery: cookie`")
        client = browsers[0] if len(browsers) == 1 else None
    else:
        client = next((client for client in browsers if client.id == delivery.client), None)
        if client is None:
            known = [client.id for client in browsers]
            text = f"no such client with `delivery: cookie`; there is {', '.join(known) or 'none'}"
            yield Finding(("delivery", "client"), text, closest(delivery.client, known), shows=True)
    if client is None:
        return
    place = ("clients", settings.clients.index(client))
    if not {"token_exchange", "refresh_token"} <= set(client.grants):
        yield Finding((*place, "grants"), "delivery.automatic needs token_exchange and refresh_token for this client")
    if client.dpop == "required":
        yield Finding((*place, "dpop"), "delivery.automatic needs `optional`: who opens a page proves no key")


def cookie_domain_is_our_own(settings: Settings) -> Iterator[Finding]:
    """Only hosts of the same owner are shown a token. Which names are open to everybody cannot be known for sure."""
    domain, host = settings.delivery.cookie_domain, settings.public_url.host
    if domain is None:
        return
    place = ("delivery", "cookie_domain")
    labels = domain.split(".")
    if is_ip_address(host) or is_ip_address(domain):
        yield Finding(place, "an IP address has no sub-domains", shows=True)
    elif host != domain and not host.endswith(f".{domain}"):
        yield Finding(place, f"must be a domain that {host}, the host of public_url, belongs to", shows=True)
    elif len(labels) == 1 or (len(labels) == _COUNTRY and len(labels[1]) == _COUNTRY and labels[0] in _REGISTRY_LABELS):
        yield Finding(place, "belongs to more sites than this one, which would all be shown the tokens", shows=True)
