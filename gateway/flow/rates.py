"""How often tokens may be asked for: by one session, one family, one account and, where it is switched on, one address.

Each limit is charged only by who has shown the credential that it belongs to, so that nobody can use up another's; only
a login with a password has none to show yet. None of them ends anything: the answer is 429 with `Retry-After`, and the
same request is good later.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil

from gateway.core.rates import Charge, Rate
from gateway.errors import TooMany
from gateway.facts import Event, Nothing
from gateway.ports import Facts, RateLimiter
from gateway.records import Family


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """The limits; None stands for none."""

    session: Rate | None = None
    family: Rate | None = None
    account: Rate | None = None
    address: Rate | None = None
    login: Rate | None = None
    login_name: Rate | None = None
    login_address: Rate | None = None


class Unlimited:
    """A RateLimiter that has no limits."""

    async def take(self, charges: Sequence[Charge], now: float) -> float:
        """Let everything through."""
        return 0.0


class TokenRates:
    """Refuses what comes too often. Every method raises TooMany, with the seconds after which it is worth trying."""

    def __init__(
        self, policy: RatePolicy | None = None, limiter: RateLimiter | None = None, facts: Facts | None = None
    ) -> None:
        self._policy = RatePolicy() if policy is None else policy
        self._limiter = Unlimited() if limiter is None else limiter
        self._facts = Nothing() if facts is None else facts

    async def ensure_address_may(self, address: str, now: float) -> None:
        """Count a request for tokens that comes from an address. One that nobody knows is not counted."""
        if address and self._policy.address is not None:
            await self._take([("address", _network_of(address), self._policy.address)], now)

    async def ensure_session_may(self, session_hash: bytes, now: float) -> None:
        """Count an exchange that shows these cookies, of which only a keyed hash is given."""
        await self._take([("session", session_hash.hex(), self._policy.session)], now)

    async def ensure_account_may(self, site: str, subject: str, now: float) -> None:
        """Count an exchange of a user whose session was resolved."""
        await self._take([_account(site, subject, self._policy)], now)

    async def ensure_family_may(self, family: Family, now: float) -> None:
        """Count a refresh with a token of a family, and of its user."""
        await self._take(
            [("family", family.id, self._policy.family), _account(family.site, family.subject, self._policy)], now
        )

    async def ensure_login_may(self, site: str, username: str, address: str, now: float) -> None:
        """Count a login with a password: of the name that was typed, there and everywhere, and from an address.

        Whoever types a name uses it up, since nobody has proved anything yet. So the tight limit is that of a name from
        one network, where it hits only who shares it, and the one of a name from everywhere is wide.
        """
        name, network = f"{site}\0{_spelling_of(username)}", _network_of(address)
        wanted = [
            ("login", f"{name}\0{network}", self._policy.login),
            ("login_name", name, self._policy.login_name),
        ]
        if address:
            wanted.append(("login_address", network, self._policy.login_address))
        await self._take(wanted, now)

    async def _take(self, wanted: list[tuple[str, str, Rate | None]], now: float) -> None:
        charges = [Charge(_name(kind, who), rate) for kind, who, rate in wanted if rate is not None]
        wait = await self._limiter.take(charges, now) if charges else 0.0
        if wait > 0:
            self._facts.count(Event.RATE_LIMITED)
            raise TooMany(retry_after=ceil(wait))


def _account(site: str, subject: str, policy: RatePolicy) -> tuple[str, str, Rate | None]:
    return "account", f"{site}\0{subject}", policy.account


def _spelling_of(username: str) -> str:
    """Return what all spellings of a name have in common that a database may take for the same.

    The collations that MySQL and SQL Server begin with ignore case, accents, strokes and what nobody sees; PHP and the
    databases ignore white space at the ends. To count two names as one only slows both down.
    """
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", username).casefold())
    return "".join(_bare(letter) for letter in letters if unicodedata.category(letter)[0] not in "CMZ")


def _bare(letter: str) -> str:
    name = "" if letter.isascii() else unicodedata.name(letter, "")
    if not name.startswith("LATIN SMALL LETTER "):
        return letter
    return name.partition(" WITH ")[0].rpartition(" ")[2].lower()


def _network_of(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the first 64 bits of an IPv6 one (RFC 4291 section 2.5.1)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return f"{parsed.ipv4_mapped or int(parsed) >> 64}"
    return str(parsed)


def _name(kind: str, who: str) -> str:
    """Return the name of a count: of one length, and without the name of a user in it."""
    return f"{kind}:{hashlib.sha256(who.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
