"""Checks of addresses: who can reach the gateway, whom it believes, where it sends requests."""

from collections.abc import Iterator

from gateway.core.trust import TrustedProxies
from gateway.settings.addresses import Address, Origin, origin_of
from gateway.settings.faults import Finding
from gateway.settings.schema.root import Settings

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound


def public_url_is_secure(settings: Settings) -> Iterator[Finding]:
    """Tokens and cookies need https, but on this machine."""
    if _is_insecure(settings.public_url):
        yield Finding(("public_url",), "must begin with https:// unless it is localhost", shows=True)


def embedded_is_alone(settings: Settings) -> Iterator[Finding]:
    """Two gateways with a database each would not know of each other's revocations."""
    if settings.stores.postgres is not None:
        return
    if not settings.listen.is_loopback and not settings.stores.embedded.single_instance:
        yield Finding(
            ("listen",),
            "an embedded store serves one gateway only; to listen beyond this machine, say that there is no second one:"
            " stores.embedded: {file: …, single_instance: true}",
        )
    if settings.workers not in {1, "auto"}:
        yield Finding(
            ("workers",), "must be 1 with an embedded store, which one process holds alone; more need stores.postgres"
        )


def shared_stores_have_shared_secrets(settings: Settings) -> Iterator[Finding]:
    """Gateways that share a database must open what the others sealed: the vault, and keys made by them."""
    if settings.stores.postgres is not None and settings.stores.secret is None:
        yield Finding(
            ("stores", "postgres"),
            "needs a master secret that all gateways share: stores.secret: {env: NAME} or {file: path}",
        )


def addresses_differ(settings: Settings) -> Iterator[Finding]:
    """No two ports of ours can be the same one."""
    taken: list[tuple[str, Address]] = [("listen", settings.listen)]
    for section, address in (("admin", settings.admin.listen), ("metrics", settings.metrics.listen)):
        if address is None or not address.port:
            continue
        other = next((name for name, before in taken if _overlap(before, address)), "")
        if other:
            yield Finding((section, "listen"), f"is the same port as `{other}`")
        taken.append((f"{section}.listen", address))


def _overlap(one: Address, other: Address) -> bool:
    return one.port == other.port and (one.host == other.host or bool(_ANY & {one.host, other.host}))


def upstream_is_somebody_else(settings: Settings) -> Iterator[Finding]:
    """A request that comes back to the data port would go round for ever."""
    for name, upstream in settings.upstreams.items():
        url, listen = upstream.url, settings.listen
        is_here = url.host == listen.host or (url.is_loopback and (listen.is_loopback or listen.host in _ANY))
        if url.port == listen.port and is_here:
            yield Finding(("upstreams", name, "url"), "is the gateway's own address (`listen`)", shows=True)


def not_everybody_is_trusted(settings: Settings) -> Iterator[Finding]:
    """Whoever is trusted may say who the client is."""
    sentence = "everybody to say who the client is; name the networks of your proxies"
    everything = [index for index, network in enumerate(settings.trusted_proxies) if network.endswith("/0")]
    for index in everything:
        yield Finding(("trusted_proxies", index), f"trusts {sentence}", shows=True)
    if everything:
        return
    try:
        TrustedProxies(settings.trusted_proxies)
    except ValueError:
        yield Finding(("trusted_proxies",), f"together they trust {sentence}")


def origins_are_secure(settings: Settings) -> Iterator[Finding]:
    """A page that came over http can be changed on its way, and would then speak for the user here."""
    for index, origin in enumerate(settings.cors.origins):
        if _is_insecure(origin):
            yield Finding(("cors", "origins", index), "must begin with https:// unless it is localhost", shows=True)


def keys_come_securely(settings: Settings) -> Iterator[Finding]:
    """Whoever can change the keys of an issuer on their way can make its tokens."""
    for index, issuer in enumerate(settings.issuers):
        if _is_insecure(origin_of(issuer.jwks_url)):
            yield Finding(
                ("issuers", index, "jwks_url"), "must begin with https:// unless it is on this machine", shows=True
            )


def _is_insecure(origin: Origin) -> bool:
    return origin.scheme != "https" and not origin.is_loopback
