"""What is left of a decision when the permit is known, and the blacklist has to be asked by a message."""

from collections.abc import Callable, Coroutine, Generator
from typing import Any

from gateway.flow.standing import TokenStanding
from gateway.model import Permit, Standing, VerifiedToken


class Inquiry:
    """One question and one answer in place of a story; whoever awaits it gets the story.

    The token's times were checked when it was made. `story` decides in full, by a standing that was asked for or None.
    """

    __slots__ = ("_now", "_permit", "_standing", "_story", "_token")

    def __init__(
        self,
        permit: Permit,
        token: VerifiedToken,
        standing: TokenStanding,
        now: float,
        story: Callable[[Standing | None], Coroutine[Any, Any, Permit]],
    ) -> None:
        self._permit = permit
        self._token = token
        self._standing = standing
        self._now = now
        self._story = story

    def ask(self, settle: Callable[[Standing | None], None]) -> bool:
        """Have `settle` told once what to `decide` by, later; False where only the story can say. It never raises."""
        return self._standing.inquire(self._token, settle)

    def decide(self, standing: Standing | None) -> Permit | Coroutine[Any, Any, Permit]:
        """Return the permit that was known, or the story where more has to be asked. None says that nobody knows.

        Raises:
            InvalidToken: it was revoked.
        """
        if standing is not None and self._standing.is_unchanged(self._permit, self._token, standing, self._now):
            return self._permit
        return self._story(standing)

    def __await__(self) -> Generator[Any, None, Permit]:
        return self._story(None).__await__()
