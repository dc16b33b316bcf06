"""What the legacy sessions of all formats have in common."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.settings.schema.csrf import Csrf
from gateway.settings.schema.login import Login
from gateway.settings.schema.mint import Mint
from gateway.settings.schema.places import Asked, DatabasePlace, Place
from gateway.settings.schema.section import Section
from gateway.settings.values import ColumnName, CookieName, FieldName, Flag, Name, SitePath, Text

Cookies = Annotated[tuple[CookieName, ...], Field(min_length=1, max_length=10)]
"""The session cookie, then all cookies that travel with it."""


class Users(Section):
    """The application's table of users, only ever read: may the user still sign in, and which claims has he?"""

    place: DatabasePlace | None = None
    """The database; without it, that of the sessions."""
    table: ColumnName | None = None
    """The table; without it, only `options.binding` of Django looks into the database."""
    key: ColumnName = "id"
    """The column in which the session's user is found."""
    active: ColumnName | None = None
    """The column that says whether the user may sign in."""
    subject: ColumnName | None = None
    """The column of the subject of tokens; without it, the session's user."""
    claims: dict[Name, ColumnName] = Field(default_factory=dict)
    """Claims of tokens, and the columns that hold them."""


class WhoamiOptions(Section):
    """How the answer names the user: by JSON (`user`), by a header field, or by a pattern."""

    header: FieldName | None = None
    """The header field of the answer that holds the user."""
    pattern: Text | None = None
    """A regular expression whose first group is the user, for applications that only have pages."""
    missing_is_anonymous: Flag = False
    """An answer without a user says that nobody is signed in; otherwise it says nothing."""


class WhoamiFallback(Asked, WhoamiOptions):
    """The application itself, asked for what cannot be read here."""

    user: Text = "id"
    """Where in its answer the user stands, as a dotted path."""


class SessionBase(Section):
    """What all sessions have in common."""

    name: Name
    """A short name of yours for messages and metrics."""
    upstream: Name | None = None
    """Which application they belong to; without it, `app` or the only one there is."""
    realm: Name | None = None
    """Whose users they are, needed where sessions belong to several applications: the subject becomes `realm|user`."""
    user: Text = "id"
    """Where in a session the user stands, as a dotted path."""
    claims: dict[Name, Text] = Field(default_factory=dict)
    """Further claims of tokens and where in a session they stand, as dotted paths."""
    login_url: SitePath | None = None
    """The login page of the application."""
    login: Login | None = None
    """The application's own login, for clients with the grant `password`."""
    logout_paths: Annotated[tuple[SitePath, ...], Field(max_length=20)] = ()
    """Where the application logs out; our own logout calls the first, by POST, else by DELETE, else by GET."""
    on_undetermined: Literal["forward", "refuse"] = "forward"
    """What happens while nobody can say whose session it is: the application decides, or 503."""
    bridge: Literal["vault", "headers", "mint"] = "vault"
    """What the application gets for a token: the user's own cookies, identity headers, or the user's own cookies and,
    when their time is over, a session that is made here."""
    mint: Mint | None = None
    """How a session is made, for `bridge: mint`."""
    csrf: Csrf | None = None
    """What its forms carry, for requests that a token alone authenticates; without it, what the framework's own do."""
    pick: Literal["first", "last"] | None = None
    """Which of two cookies of one name counts; without it, what the framework does."""

    @property
    def picks(self) -> Literal["first", "last"]:
        """Which of two cookies of one name counts."""
        return self.pick or "first"


class CodecSession(SessionBase):
    """What the sessions have in common that are read here."""

    place: Place
    """Where they lie."""

    users: Users | None = None
    """The application's table of users."""
    whoami: WhoamiFallback | None = None
    """Who is asked about a session that cannot be read here."""

    @property
    def users_place(self) -> Place | None:
        """The database that has the table of users, where one is known."""
        given = None if self.users is None else self.users.place
        return given or (self.place if self.place.has_rows else None)
