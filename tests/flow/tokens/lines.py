"""A model of the life of tokens that a reader can check against the promises: plain lists, no store, no hash, no seal.

Times are whole seconds, so that no claim is rounded.
"""

from dataclasses import dataclass, field

ACCESS, REFRESH, IDLE, GRACE, LEEWAY, CAP = 600, 5_000, 1_000, 30, 30, 3


@dataclass
class Session:
    """A session of the application, by its cookie."""

    cookie: bytes
    subject: str
    ends_at: float | None = None
    is_alive: bool = True
    barred_until: float = 0.0

    def is_open_to_exchange(self, now: float) -> bool:
        in_time = self.ends_at is None or now < self.ends_at
        return self.is_alive and in_time and now >= self.barred_until


@dataclass
class Line:
    """A family: its refresh tokens in the order of their issue. The newest is the only one that can be succeeded."""

    session: Session
    client: str
    created_at: float
    idempotency_key: str
    tokens: list[str]
    issued: list[float] = field(default_factory=list)
    used: list[float | None] = field(default_factory=list)
    is_over: bool = False
    idle_end: float = 0.0

    def __post_init__(self) -> None:
        self.issued, self.used = [self.created_at], [None]
        self.idle_end = min(self.created_at + IDLE, self.end)

    @property
    def end(self) -> float:
        """Nothing of the family is good from here on."""
        life = self.created_at + REFRESH
        return life if self.session.ends_at is None else min(life, self.session.ends_at)

    def is_live(self, now: float) -> bool:
        return not self.is_over and now < min(self.idle_end, self.end)

    def succeeded(self, token: str, now: float) -> None:
        self.used[-1] = now
        self.tokens.append(token)
        self.issued.append(now)
        self.used.append(None)
        self.idle_end = min(now + IDLE, self.end)

    def expected(self, token: str, client: str, now: float) -> str:
        """Say what showing a token means: "new", the token that is answered, or "refused".

        What it does besides stands in `present`.
        """
        if client != self.client or not self.is_live(now) or not self.session.is_alive:
            return "refused"
        if token == self.tokens[-1]:
            return token if now - self.issued[-1] < GRACE else "new"
        return self.tokens[-1] if self._is_retry(token, now) else "refused"

    def present(self, token: str, client: str, now: float) -> None:
        """Show a token that is refused or answered with one that there is: a session that is over, or a replay, ends
        the family."""
        if client != self.client or not self.is_live(now):
            return
        if not self.session.is_alive or not (token == self.tokens[-1] or self._is_retry(token, now)):
            self.is_over = True

    def _is_retry(self, token: str, now: float) -> bool:
        if len(self.tokens) < 2 or token != self.tokens[-2]:
            return False
        used = self.used[-2]
        assert used is not None
        return now - used < GRACE


@dataclass
class Access:
    """An access token that was given out."""

    text: str
    line: Line
    expires_at: float
    is_revoked: bool = False

    def is_good(self, now: float) -> bool:
        return not self.is_revoked and not self.line.is_over and now < self.expires_at + LEEWAY
