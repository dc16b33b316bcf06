"""How tokens travel as cookies."""

from typing import Annotated, Literal

from pydantic import PlainValidator, WithJsonSchema

from gateway.settings.addresses import is_host_name
from gateway.settings.schema.section import Section
from gateway.settings.values import Flag, Name, wrong


def _read_domain(value: object) -> str:
    if not isinstance(value, str) or not is_host_name(value) or "_" in value:
        guess = value.lstrip(".").lower() if isinstance(value, str) else ""
        raise wrong("a domain like example.com", guess if is_host_name(guess) else "")
    return value


Domain = Annotated[str, PlainValidator(_read_domain), WithJsonSchema({"type": "string", "examples": ["example.com"]})]


class Delivery(Section):
    """Tokens as cookies."""

    automatic: Flag = False
    """Gives browsers their tokens as HttpOnly cookies with the pages that they open, and renews them within requests,
    so that a site migrates without a change of its pages."""
    client: Name | None = None
    """The client that these tokens are issued to; may be left out where only one has `delivery: cookie`."""
    same_site: Literal["auto", "lax", "strict", "none"] = "auto"
    """`SameSite` of the gateway's cookies. `auto` is what the application says when it sets its session cookie, and
    `lax` before it does and where it says nothing."""
    cookie_domain: Domain | None = None
    """The domain whose hosts are all shown the tokens, such as `example.com`; without it, only the host of `public_url`
    is. The names of the cookies then begin with `__Secure-` and not with `__Host-`."""
