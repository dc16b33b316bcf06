"""Which credential a path asks for, and what the application is told."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from gateway.settings.addresses import Site
from gateway.settings.schema.section import Section
from gateway.settings.values import FieldName, Flag, Name, wrong

Relaxation = Literal["encoded_slash", "double_slash", "semicolon", "encoded_percent", "encoded_delimiter"]


def _read_template(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or len(value) > 1000 or not value.isprintable():
        raise wrong("a path like /static/*")
    if set(value.removesuffix("*")) & set("*?#\\"):
        raise wrong("a path without a query that holds `*` only at its end, like /static/*")
    return value


class Route(Section):
    """A rule for the paths below a template."""

    path: Annotated[str, PlainValidator(_read_template), WithJsonSchema({"type": "string", "pattern": "^/"})]
    """One path, or with `*` at its end all paths that begin like it; written as people read it."""
    auth: Literal["optional", "required", "public", "passthrough"] = "optional"
    """`optional` checks what is presented, `required` refuses a request without a credential, `public` asks nobody,
    `passthrough` leaves the Authorization header to the application."""
    in_off: Literal["app", "deny"] = "app"
    """What `required` means while tokens are off: the application decides, or nobody passes."""
    forward_credentials: Flag = False
    """Lets cookies and Authorization travel on a `public` path."""
    upstream: Name | None = None
    """Which application answers; without it, `app` or the only one there is."""
    relaxed: tuple[Relaxation, ...] = ()
    """What makes a path readable in two ways and is accepted here nevertheless."""


class IdentityHeaders(Section):
    """The names of the header fields that tell the application who is asking."""

    subject: FieldName = "X-Auth-Subject"
    """Who."""
    credential: FieldName = "X-Auth-Credential"
    """What was shown: bearer, token_cookie or session."""
    session: FieldName = "X-Auth-Session"
    """The id of the token family."""
    scope: FieldName = "X-Auth-Scope"
    """What the token may be used for."""
    roles: FieldName = "X-Auth-Roles"
    """The roles of the user, separated by commas."""


class Cors(Section):
    """Other sites whose scripts may call with credentials."""

    origins: Annotated[tuple[Site, ...], Field(max_length=100)] = ()
    """Their origins, as browsers write them."""
