"""Other issuers whose tokens are believed: where their keys are, and how they are fetched."""

from functools import partial

import httpx

from gateway.bridge.headers import IdentityHeaders
from gateway.core.verify import ACCESS_TOKEN
from gateway.core.verify_remote import ANY_TOKEN
from gateway.facts import Event
from gateway.flow.remote import RemoteTokens
from gateway.keys.remote import RemoteIssuer, RemoteIssuers, RemotePolicy
from gateway.ports import Clock, Facts, RevocationStore
from gateway.records import RemoteTrust
from gateway.settings.certificates import open_trust
from gateway.settings.schema.issuers import Issuer
from gateway.settings.schema.root import Settings
from gateway.settings.schema.tokens import Tokens
from gateway.wiring.policies import remote_issuers_of


def open_issuers(settings: Settings, clock: Clock, facts: Facts) -> RemoteIssuers:
    """Prepare fetching the keys of all issuers; nothing is asked before `start`.

    Raises:
        ConfigurationError: the certificates of one cannot be read.
    """
    failed = partial(facts.count, Event.ISSUER_KEYS_FAILED)
    issuers = {
        issuer.issuer: RemoteIssuer(_policy_of(issuer, settings.tokens), _client(issuer), failed)
        for issuer in settings.issuers
    }
    return RemoteIssuers(issuers, clock.monotonic)


def open_remote_tokens(
    settings: Settings, issuers: RemoteIssuers, revocation: RevocationStore, facts: Facts
) -> RemoteTokens:
    """Return what decides about tokens of these issuers."""
    return RemoteTokens(
        issuers=remote_issuers_of(settings),
        keys=issuers,
        revocation=revocation,
        identity_headers=IdentityHeaders(**settings.identity_headers.model_dump()),
        facts=facts,
    )


def names_of(settings: Settings) -> list[str]:
    """Return the issuers as `crossfade_dependency_up` calls them."""
    return [f"issuer:{issuer.alias}" for issuer in settings.issuers]


def _policy_of(issuer: Issuer, tokens: Tokens) -> RemotePolicy:
    trust = RemoteTrust(
        alias=issuer.alias,
        issuer=issuer.issuer,
        audience=issuer.audience,
        leeway=tokens.leeway,
        types=ANY_TOKEN if issuer.token_type == "jwt" else ACCESS_TOKEN,  # noqa: S105 - a media type
        roles_claim=issuer.roles_claim or "",
        forwards=issuer.forward_token,
        longest=tokens.refresh,
    )
    return RemotePolicy(trust, str(issuer.jwks_url), issuer.algorithms, keep=issuer.keep_keys)


def _client(issuer: Issuer) -> httpx.AsyncClient:
    # No environment: a proxy or a netrc of this machine is nobody's business here.
    return httpx.AsyncClient(
        verify=open_trust(issuer.ca),
        trust_env=False,
        follow_redirects=False,
        timeout=5.0,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
    )
