"""Sessions that the gateway makes itself, as the application would have made them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.codec import Lookup, Query
from gateway.errors import VaultUnavailable
from gateway.formats.minting import Cookies, Draft, MintRefused, NewRecord, SessionMint, locate
from gateway.mint_ports import MintPlace, UserRows
from gateway.model import VaultedSession
from gateway.ports import SessionEnder


@dataclass(frozen=True, slots=True)
class UserRow:
    """Where the row of a user is, and what is read of it. `active` is empty where no column says that he may sign in.

    `hex_keys` is for keys that are UUIDs written as 32 hexadecimal digits.
    """

    table: str
    key: str
    columns: tuple[str, ...]
    active: str = ""
    hex_keys: bool = False

    def lookup(self, user: str) -> Lookup:
        """Ask for it."""
        columns = dict.fromkeys([self.key, *self.columns, *filter(None, [self.active])])
        return Lookup(self.table, self.key, user.replace("-", "") if self.hex_keys else user, tuple(columns))


@dataclass(frozen=True, slots=True)
class Minted:
    """A session of our own making: its cookies, and where its record lies, None where the cookie is all there is."""

    cookies: Cookies = field(repr=False)
    record: Query | None


class Mint:
    """Makes and ends sessions of one site.

    `realm` is what subjects begin with where user numbers are the application's own, `life` how long a session lasts at
    most, in seconds. `users` and `rows` say who a user is now; without them nobody is asked. `place` is where records
    are written, None where the cookie is the session.
    """

    def __init__(
        self,
        *,
        form: SessionMint,
        realm: str,
        life: float,
        users: UserRow | None,
        rows: UserRows,
        place: MintPlace | None,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._form = form
        self._realm = f"{realm}|" if realm else ""
        self._life = life
        self._users = users
        self._rows = rows
        self._place = place
        self._entropy = entropy

    async def make(
        self, subject: str, claims: Mapping[str, object], *, bound_to: str | None, until: float, now: float
    ) -> Minted:
        """Make a session for a subject, which ends at `until` at the latest.

        `bound_to` is what tied the session before to the user's password; None where there was none before.

        Raises:
            MintRefused: there may be none: the user is gone or has another password.
            VaultUnavailable: nobody can say, or it could not be written.
        """
        if not subject.startswith(self._realm):
            raise MintRefused("the subject is of another realm")
        user = subject.removeprefix(self._realm)
        row = await self._row_of(user)
        ends = min(now + self._life, until)
        draft = Draft(user, claims, row, now, ends, bound_to=bound_to, entropy=self._entropy)
        minting = self._form.mint(draft)
        written: tuple[NewRecord, str] | None = None
        try:
            record = next(minting)
            written = record, await self._write(record)
            minting.send(written[1])
        except StopIteration as end:
            return Minted(end.value, locate(*written) if written else None)
        raise AssertionError(record)

    async def undo(self, minted: Minted) -> None:
        """Delete a session that nobody has been given.

        Raises:
            VaultUnavailable: it is not known to be gone.
        """
        if minted.record is not None and self._place is not None:
            await self._place.delete(minted.record)

    async def destroy(self, session_key: str) -> bool:
        """Delete the record of a session; False where it has none, or nobody knows whether it is gone."""
        record = self._form.find(session_key)
        if record is None or self._place is None:
            return False
        try:
            await self._place.delete(record)
        except VaultUnavailable:
            return False
        return True

    async def aclose(self) -> None:
        """Let go of what it holds."""
        await self._rows.aclose()
        if self._place is not None:
            await self._place.aclose()

    async def _row_of(self, user: str) -> Mapping[str, object]:
        if self._users is None:
            return {}
        lookup = self._users.lookup(user)
        row = await self._rows.find(lookup)
        if row is None:
            raise MintRefused("the user is gone")
        found = dict(zip(lookup.columns, row, strict=True))
        if self._users.active and not found[self._users.active]:
            raise MintRefused("the user may not sign in")
        return found

    async def _write(self, record: NewRecord) -> str:
        assert self._place is not None  # the configuration was refused otherwise
        return await self._place.write(record)


class MintedLogout:
    """The port `SessionEnder` where records may be deleted: after the application, where there is a way to ask it."""

    def __init__(self, mint: Mint, application: SessionEnder | None) -> None:
        self._mint = mint
        self._application = application

    async def end(self, vaulted: VaultedSession) -> bool:
        """End the session; True when it is known to be gone. Never raises.

        One that nobody could read has no key here, and deleting nothing proves nothing.
        """
        if self._application is not None and await self._application.end(vaulted):
            return True
        return bool(vaulted.session_key) and await self._mint.destroy(vaulted.session_key)
