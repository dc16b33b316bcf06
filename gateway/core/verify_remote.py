"""From the bytes of another issuer's token to a `RemoteToken`: the same strictness, under that issuer's keys alone."""

from collections.abc import Mapping

from gateway.core.claims import has_audience, read_date, read_identifier, read_subject
from gateway.core.jose import TokenFault, read_compact, read_object
from gateway.core.verify import ACCESS_TOKEN, ensure_first_in_force, ensure_signature, ensure_type, find_key
from gateway.errors import InvalidToken
from gateway.records import RemoteTrust
from gateway.remote_token import RemoteToken

ANY_TOKEN = frozenset({"", "jwt", "application/jwt"}) | ACCESS_TOKEN
"""Values of `typ`, none included, of issuers that do not mark their access tokens (RFC 9068 came late)."""

_LONGEST = 255  # bytes of a subject with its alias: it is copied into a header


def verify_remote(text: bytes, trust: RemoteTrust, now: float) -> RemoteToken:
    """Prove a token of another issuer.

    It has no `sid` and no `seq`, because there is no family of ours behind it. One that is bound to a key (`cnf`) is
    refused, since nobody here asks for the proof (RFC 9449 section 7.2).

    Raises:
        InvalidToken: with a `TokenFault` as its reason.
    """
    jws = read_compact(text)
    ensure_type(jws.header, trust.types)
    ensure_signature(jws, find_key(jws.header, trust.keys))
    token = _believe(read_object(jws.payload), trust)
    ensure_first_in_force(token, trust.leeway, now)
    return token


def key_id_of(text: bytes) -> str:
    """Return the `kid` of a token that `verify_remote` refused because nobody knows its key."""
    return str(read_compact(text).header.get("kid", ""))


def _believe(claims: dict[str, object], trust: RemoteTrust) -> RemoteToken:
    if claims.get("iss") != trust.issuer:
        raise InvalidToken(TokenFault.ISSUER)
    if not has_audience(claims, trust.audience):
        raise InvalidToken(TokenFault.AUDIENCE)
    if "cnf" in claims:
        raise InvalidToken(TokenFault.CLAIMS)
    is_marked = trust.types == ACCESS_TOKEN
    issued_at = read_date(claims, "iat")
    return RemoteToken(
        alias=trust.alias,
        subject=_prefixed(trust.alias, read_subject(claims, "sub")),
        # RFC 9068 demands both; other kinds of tokens often have neither.
        token_id=_prefixed(trust.alias, read_identifier(claims, "jti")) if is_marked or "jti" in claims else "",
        client_id=read_subject(claims, "client_id") if is_marked or "client_id" in claims else "",
        issued_at=issued_at,
        not_before=read_date(claims, "nbf") if "nbf" in claims else issued_at,
        # What lives longer than a revocation is kept would be good again after it.
        expires_at=min(read_date(claims, "exp"), issued_at + trust.longest),
        scope=_scope(claims),
        roles=_roles(claims, trust.roles_claim),
        forwards=trust.forwards,
    )


def _prefixed(alias: str, name: str) -> str:
    full = f"{alias}|{name}"
    if len(full) > _LONGEST:
        raise InvalidToken(TokenFault.CLAIMS)
    return full


def _scope(claims: Mapping[str, object]) -> str:
    scope = claims.get("scope", claims.get("scp", ""))
    if isinstance(scope, list) and all(type(word) is str for word in scope):
        scope = " ".join(scope)
    if type(scope) is not str:
        raise InvalidToken(TokenFault.CLAIMS)
    return scope


def _roles(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the roles of the one claim that is trusted to name them; a role of an issuer is not one of ours else."""
    roles = claims.get(name, []) if name else []
    if not isinstance(roles, list) or not all(type(role) is str for role in roles):
        raise InvalidToken(TokenFault.CLAIMS)
    return tuple(roles)
