"""What the application's table of users adds to a session: whether the user may still sign in, and claims."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.codec import Cookies, Lookup, Reading, SessionCodec, UserMapping, fingerprint
from gateway.model import Anonymous, LegacySession


@dataclass(frozen=True, slots=True)
class WithUsers:
    """A codec, and then the user's row in `table`, found by the subject in `key`.

    A user without a row, or whose column `active` is false, is nobody: the application would load no user either.
    `claims` are claim names and their columns; `subject` is the column of another id that tokens get, empty where the
    session's own will do. `is_binding` where the application itself checks no more than this.
    """

    codec: SessionCodec
    site: str
    table: str
    key: str = "id"
    active: str = ""
    subject: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)
    is_binding: bool = True

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"{self.codec.description} The user is looked up in `{self.table}`."

    def locate(self, cookies: Cookies) -> str:
        """Return what the codec names; where it needs no record, the fingerprint of the cookies."""
        return self.codec.locate(cookies) or fingerprint(*(part for pair in sorted(cookies.items()) for part in pair))

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the session, then the user's row."""
        verdict = yield from self.codec.read(cookies, now)
        if not isinstance(verdict, LegacySession):
            return verdict
        columns = dict.fromkeys([self.key, self.active, self.subject, *self.claims.values()])
        columns.pop("", None)
        row = yield Lookup(self.table, self.key, verdict.subject, tuple(columns))
        if row is None:
            return Anonymous("not_bound")
        found = dict(zip(columns, row, strict=True))
        if self.active and not found[self.active]:
            return Anonymous("not_bound")
        mapping = UserMapping(self.site, self.subject or self.key, self.claims)
        user = mapping.read(found, verdict.key)
        if not isinstance(user, LegacySession):
            return user
        claims = {**verdict.claims, **user.claims}
        subject = user.subject if self.subject else verdict.subject
        return replace(verdict, subject=subject, claims=claims, is_bound=verdict.is_bound or self.is_binding)
