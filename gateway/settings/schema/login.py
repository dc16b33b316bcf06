"""How the application's own login is used for clients that have no pages."""

from typing import Literal

from pydantic import Field

from gateway.settings.schema.section import Section
from gateway.settings.values import CookieName, Duration, FieldName, Name, SitePath, Text


class LoginCsrf(Section):
    """What the application's check for forged requests wants: an input of the login page, or a cookie in a header."""

    page: SitePath | None = None
    """The page that is fetched before; without it, the `url` of the login."""
    field: Text | None = None
    """The hidden input whose value is sent with the password."""
    cookie: CookieName | None = None
    """The cookie whose value is sent back in `header`."""
    header: FieldName | None = None
    """The header field for it."""


class Login(Section):
    """The application's own login, for clients with the grant `password`."""

    url: SitePath
    """Where the application takes name and password."""
    kind: Literal["form", "json"] = "form"
    """What it takes: a form or JSON."""
    username_field: Text = "username"
    """The field of the name."""
    password_field: Text = "password"  # noqa: S105 - the name of a field
    """The field of the password."""
    fields: dict[Name, Text] = Field(default_factory=dict)
    """Further fields that are sent as they are."""
    csrf: LoginCsrf | None = None
    """What the check for forged requests wants; without it, nothing is fetched before."""
    timeout: Duration = 5.0
    """How long a login may take, with all that it fetches."""
