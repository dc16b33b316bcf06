"""What everybody may know: the public keys (RFC 7517) and where the endpoints are (RFC 8414)."""

import hashlib

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.core.dpop import ALGORITHMS
from gateway.flow.clients import GrantType
from gateway.ports import Clock, KeySource
from gateway.web.visit import head_of

MAX_AGE = 3600
"""Seconds for which both documents may be kept; a key is published for longer than that before it signs."""


class WellKnown:
    """The two documents. `prefix` is where the endpoints are, `public_origin` the origin of the public URL."""

    def __init__(
        self,
        *,
        keys: KeySource,
        clock: Clock,
        issuer: str,
        public_origin: str,
        prefix: str,
        offers_dpop: bool,
        offers_password: bool,
    ) -> None:
        self._keys = keys
        self._clock = clock
        metadata = _metadata(issuer, public_origin, prefix)
        metadata["grant_types_supported"] = [
            grant for grant in GrantType if offers_password or grant is not GrantType.PASSWORD
        ]
        if offers_dpop:
            metadata["dpop_signing_alg_values_supported"] = ALGORITHMS  # RFC 9449 section 5.1
        self._metadata = orjson.dumps(metadata)

    async def jwks(self, request: Request) -> Response:
        """Return the keys that verify our tokens now, to be kept until the next change that the calendar knows."""
        body = orjson.dumps(self._keys.jwks())
        left = self._keys.changes_at - self._clock.wall()
        return _document(request, body, "application/jwk-set+json", max_age=int(max(0.0, min(MAX_AGE, left))))

    async def metadata(self, request: Request) -> Response:
        """Return the authorization server metadata."""
        return _document(request, self._metadata, "application/json")


def _metadata(issuer: str, public_origin: str, prefix: str) -> dict[str, object]:
    base = public_origin + prefix
    return {
        "issuer": issuer,
        "token_endpoint": f"{base}/token",
        "revocation_endpoint": f"{base}/revoke",
        "introspection_endpoint": f"{base}/introspect",
        "jwks_uri": f"{public_origin}/.well-known/jwks.json",
        "response_types_supported": [],  # required, and there is no authorization endpoint
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
    }


def _document(request: Request, body: bytes, media_type: str, *, max_age: int = MAX_AGE) -> Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "cache-control": f"public, max-age={max_age}",
        "etag": etag,
        "x-crossfade": "1",
    }
    if _has_match(head_of(request).find(b"if-none-match") or b"", etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "content-type": media_type})


def _has_match(condition: bytes, etag: str) -> bool:
    """Whether `If-None-Match` names the entity, by weak comparison (RFC 9110 section 13.1.2)."""
    named = {member.strip().removeprefix(b"W/") for member in condition.split(b",")}
    return b"*" in named or etag.encode() in named
