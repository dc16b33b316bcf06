"""What a login with a name and a password needs of the application's own login."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.headers import Pairs
from gateway.model import SessionCookie


@dataclass(frozen=True, slots=True)
class Password:
    """What a user types. It is passed on once, and never logged, kept or compared here."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the application's login answered.

    `shown` are the session's cookies as the client of that conversation holds them now, None where it holds none or was
    plainly refused. `means` says what the answer means if they turn out to be nobody's: the password was refused, the
    application asks for more, or it is not the login that the configuration describes.
    """

    shown: SessionCookie | None
    means: Literal["refused", "incomplete", "changed"]


class LoginReplay(Protocol):
    """The login of one application."""

    async def replay(self, typed: Password, told: Pairs) -> Replayed:
        """Log in as a browser does. `told` are the header fields that say who the client is.

        Raises:
            LoginChanged: the login page is not what the configuration says; no password was sent.
            LoginUnavailable: the application is away, or fails.
            TooMany: the application itself refuses more logins for now.
        """
        ...
