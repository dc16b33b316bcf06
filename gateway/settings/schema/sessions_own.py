"""Sessions of your own making, and those that only the application can read."""

from typing import Literal

from pydantic import Field

from gateway.settings.schema.places import DatabasePlace, JsonPlace, WhoamiPlace
from gateway.settings.schema.section import Section
from gateway.settings.schema.session import CodecSession, Cookies, SessionBase, WhoamiOptions
from gateway.settings.schema.sessions_python import TimeZone
from gateway.settings.values import ColumnName, Text

KeyForm = Literal["plain", "sha256", "base64"]
"""How the key of a record is made from the cookie."""


class ColumnOptions(Section):
    """Where in the database a session is."""

    table: ColumnName
    """The table of sessions."""
    key: ColumnName = "id"
    """The column in which the session is found."""
    key_form: KeyForm = "plain"
    """What that column holds: the cookie, its SHA-256 in hexadecimal, or what the cookie is base64 of."""
    expires: ColumnName | None = None
    """The column that says when the session ends; empty where it does not."""
    date_form: Literal["date", "seconds", "milliseconds"] = "date"
    """How it says so: as a date, or as a number since 1970."""
    time_zone: TimeZone = "UTC"
    """The time zone of dates that have none."""


class ColumnSession(CodecSession):
    """Sessions that are rows of a table, where a column names the user."""

    format: Literal["columns"]
    """How sessions are written."""
    place: DatabasePlace
    """Where they lie."""
    cookies: Cookies
    """The session cookie, then all cookies that travel with it."""
    user: Text = "user_id"
    """The column of the user; `claims` name columns too."""
    options: ColumnOptions
    """Where in the database a session is."""


class JsonOptions(Section):
    """Where a record is."""

    prefix: Text
    """What stands before the key."""
    key_form: KeyForm = "plain"
    """What the key is: the cookie, its SHA-256 in hexadecimal, or what the cookie is base64 of."""


class JsonSession(CodecSession):
    """Sessions that are records of JSON."""

    format: Literal["json_record"]
    """How sessions are written."""
    place: JsonPlace
    """Where they lie."""
    cookies: Cookies
    """The session cookie, then all cookies that travel with it."""
    user: Text = "user_id"
    """Where in a record the user stands, as a dotted path."""
    options: JsonOptions
    """Where a record is."""


class WhoamiSession(SessionBase):
    """Sessions of any framework: the application itself is asked."""

    format: Literal["whoami"]
    """How sessions are written."""
    place: WhoamiPlace
    """Who is asked."""
    cookies: Cookies
    """The session cookie, then all cookies that travel with it."""
    options: WhoamiOptions = Field(default_factory=WhoamiOptions)
    """How the answer is read."""
