"""The form of a token request: small, of the right type, each parameter once (RFC 6749 section 3.2)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from gateway.errors import BodyTooLarge, InvalidRequest
from gateway.web.visit import head_of

MAX_BODY = 16 * 1024
"""Bytes of a form; the longest parameter is an access token of a few kilobytes."""

MAX_FIELDS = 32

_FORM = b"application/x-www-form-urlencoded"

Form = Mapping[str, str]


async def read_form(request: Request) -> Form:
    """Return the parameters. One without a value counts as absent, and an empty body has none.

    Raises:
        BodyTooLarge: more than `MAX_BODY` bytes.
        InvalidRequest: another content type, not UTF-8, a repeated parameter, or one in the URL.
    """
    ensure_no_query(request)
    body = await _read_body(request)
    if not body:
        return {}
    content_type = head_of(request).find(b"content-type") or b""
    if content_type.partition(b";")[0].strip().lower() != _FORM:
        raise InvalidRequest("The body must be a form (application/x-www-form-urlencoded).")
    pairs = _parse(body)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A parameter is repeated.")
    if "access_token" in form:  # RFC 6750 section 2: one way to send a token, and ours is the header
        raise InvalidRequest("An access token travels in the Authorization header.")
    return {name: value for name, value in form.items() if value}


def ensure_no_query(request: Request) -> None:
    """Refuse parameters in the URL, where tokens would end up in logs.

    Raises:
        InvalidRequest: the target has a query.
    """
    if b"?" in head_of(request).target:
        raise InvalidRequest("Parameters do not belong into the URL.")


def find_flag(form: Form, name: str) -> bool:
    """Return a parameter that is `true` or `false`; absent is false.

    Raises:
        InvalidRequest: it is anything else.
    """
    value = form.get(name, "false")
    if value not in {"true", "false"}:
        raise InvalidRequest("A flag must be true or false.")
    return value == "true"


def ensure_parameter(form: Form, name: str) -> str:
    """Return a parameter that must be there.

    Raises:
        InvalidRequest: it is absent. The name of a parameter is ours and may be said.
    """
    value = form.get(name)
    if value is None:
        raise InvalidRequest(f"The parameter {name} is missing.")
    return value


async def _read_body(request: Request) -> bytes:
    if (head_of(request).length or 0) > MAX_BODY:
        raise BodyTooLarge
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise BodyTooLarge
    return body


def _parse(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
            strict_parsing=True,
        )
    except ValueError:
        # Not chained: what failed quotes the form, and with it a password.
        raise InvalidRequest("The form cannot be read.") from None
