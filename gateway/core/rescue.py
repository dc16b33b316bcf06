"""The one place that turns errors into HTTP: a problem for programs, a page for people, or the way to the login."""

import base64
import hashlib
import html
from urllib.parse import quote, urlsplit

import orjson

from gateway.core.dpop import ALGORITHMS, has_dpop_scheme
from gateway.core.return_path import find_return_path
from gateway.errors import (
    ClientNotAllowed,
    GatewayError,
    GrantError,
    InvalidClient,
    IssuingSuspended,
    MethodRefused,
    NonceDemanded,
    PhaseOff,
    Unauthenticated,
    UpgradeRefused,
    UseDpopNonce,
    WrongMethod,
)
from gateway.headers import Pairs
from gateway.model import Answer, RequestHead

_ALLOWED = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}"
    "h1{font-size:1.4rem;line-height:1.25}"
    "small{opacity:.7}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest())
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
{paragraphs}<p><small>{code} · request {request_id}</small></p>
</html>
"""
_PAGE_POLICY = (
    b"default-src 'none'; style-src 'sha256-%b'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    % _STYLE_HASH
)


def answer_error(error: GatewayError, *, head: RequestHead | None, request_id: str, login_url: str = "") -> Answer:
    """Return the answer for an error. `head` is None where the request could not be read.

    A document that needs a login is sent to `login_url`, with the way back where there is a safe one; any other error
    is a page for documents and a problem (RFC 9457) for everything else.
    """
    if head is None or not wants_document(head):
        return Answer(error.status, _fields(error, head, b"application/problem+json"), _problem(error, request_id))
    if login_url and isinstance(error, Unauthenticated) and not _is_at(login_url, head):
        return Answer(303, _fields(None, head, b"", location=_login_location(login_url, head)))
    page = _page(error, request_id, login_url if isinstance(error, Unauthenticated) else "")
    return Answer(error.status, _fields(error, head, b"text/html; charset=utf-8"), page)


def wants_document(head: RequestHead) -> bool:
    """Whether a browser is about to show the answer to a person.

    `Sec-Fetch-Dest` says so where it is sent, else `Accept` does. A client that sends `X-Crossfade` is a program.
    """
    if head.asks is not None or head.websocket:
        return False
    destination = head.find(b"sec-fetch-dest")
    if destination is not None:
        return destination == b"document"
    return b"text/html" in (head.find(b"accept") or b"").lower()


def _fields(
    error: GatewayError | None, head: RequestHead | None, content_type: bytes, *, location: bytes = b""
) -> tuple[tuple[bytes, bytes], ...]:
    fields: Pairs = [(b"x-crossfade", b"1"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if location:
        fields.append((b"location", location))
    if content_type:
        fields.append((b"content-type", content_type))
    if content_type.startswith(b"text/html"):
        fields.append((b"content-security-policy", _PAGE_POLICY))
    if isinstance(error, Unauthenticated):
        fields.append((b"www-authenticate", _challenge(error, head)))
    if isinstance(error, MethodRefused):
        fields.append((b"allow", _ALLOWED))
    if isinstance(error, (UseDpopNonce, NonceDemanded)):
        fields.append((b"dpop-nonce", error.nonce.encode()))
    if isinstance(error, WrongMethod):
        fields.append((b"allow", error.allow.encode()))
    if isinstance(error, UpgradeRefused):
        fields += [(b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]  # RFC 6455 section 4.4
    if error is not None and error.retry_after is not None:
        fields.append((b"retry-after", b"%d" % error.retry_after))
    return tuple(fields)


def _challenge(error: Unauthenticated, head: RequestHead | None) -> bytes:
    if isinstance(error, InvalidClient) and head is not None and (head.authorization or b"")[:6].lower() == b"basic ":
        return b'Basic realm="crossfade"'  # the scheme that the client used (RFC 6749 section 5.2)
    shown = head.authorization if head is not None else None
    scheme = "DPoP" if has_dpop_scheme(shown) else error.scheme
    challenge = f'{scheme} realm="crossfade"'
    if error.challenge:  # no error word where no credential was shown (RFC 6750 section 3.1)
        challenge += f', error="{error.challenge}", error_description="{error.title}"'
    if scheme == "DPoP":
        challenge += f', algs="{" ".join(ALGORITHMS)}"'  # RFC 9449 section 7.1
    return challenge.encode()


def _problem(error: GatewayError, request_id: str) -> bytes:
    members: dict[str, object] = {
        "type": f"urn:crossfade:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "request_id": request_id,
    }
    if error.detail:
        members["detail"] = error.detail
    if isinstance(error, (GrantError, InvalidClient)):
        members["error"] = error.code  # the member that OAuth clients read (RFC 6749 section 5.2)
    if isinstance(error, (PhaseOff, IssuingSuspended)):
        members["phase"] = error.phase
    if isinstance(error, ClientNotAllowed):
        members["error"] = "unauthorized_client"
    return orjson.dumps(members)


def _page(error: GatewayError, request_id: str, login_url: str) -> bytes:
    sentences = [html.escape(error.detail)] if error.detail else []
    if error.retry_after is not None:
        sentences.append(f"Try again in {error.retry_after} s.")
    if login_url:
        sentences.append(f'<a href="{html.escape(login_url)}">Sign in</a>')
    return _PAGE.format(
        title=html.escape(error.title),
        style=_STYLE,
        paragraphs="".join(f"<p>{sentence}</p>\n" for sentence in sentences),
        code=html.escape(error.code),
        request_id=html.escape(request_id),
    ).encode()


def _is_at(login_url: str, head: RequestHead) -> bool:
    """Whether the request is for the login itself, which cannot be sent to itself."""
    login = urlsplit(login_url)
    return login.path.encode() == head.path and login.netloc.encode() in (b"", head.host)


def _login_location(login_url: str, head: RequestHead) -> bytes:
    address, hash_, fragment = login_url.partition("#")
    path = find_return_path(head.target) if head.method in (b"GET", b"HEAD") else None
    if path is not None:
        address += f"{'&' if '?' in address else '?'}next={quote(path, safe='/')}"
    return quote(address + hash_ + fragment, safe="!#$%&'()*+,/:;=?@[]~").encode()
