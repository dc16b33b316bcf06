"""What the application's protection against forged requests compares."""

from typing import Literal

from gateway.settings.schema.section import Section
from gateway.settings.secrets import Secret
from gateway.settings.values import CookieName, FieldName, Text


class Csrf(Section):
    """What the application compares when a request changes something: a header field with its session or a cookie."""

    kind: Literal["plain", "flask_wtf", "csurf", "masked", "none"] = "plain"
    """What is made of the secret: the secret itself, what Flask-WTF signs, what csurf hashes, what Spring masks;
    `none` sends nothing."""
    header: FieldName | None = None
    """The header field that carries it."""
    session: Text | None = None
    """Where in a session the secret stands, as a dotted path."""
    cookie: CookieName | None = None
    """The cookie that must match, where the application compares the two and nothing else."""
    secret: Secret | None = None
    """WTF_CSRF_SECRET_KEY, where it is not SECRET_KEY."""
