"""A user is explained by subject or by session id, and never by both or by nothing."""

from collections.abc import Sequence

import pytest

from gateway.errors import InvalidRequest
from gateway.flow.history import explain
from gateway.records import AuditEntry, Family


class Known:
    """One family, whoever asks."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def of(self, *, subject: str, family_id: str, limit: int) -> tuple[Sequence[Family], Sequence[AuditEntry]]:
        self.asked.append((subject, family_id))
        return [Family("f1", "ada", "web", "main", b"", {}, 0, 0.0, 10.0, 10.0)], []


@pytest.mark.parametrize(("subject", "family_id"), [("ada", ""), ("", "f1")])
async def test_one_of_both_is_looked_up_and_told(subject: str, family_id: str) -> None:
    history = Known()
    lines = await explain(history, subject=subject, family_id=family_id, now=5.0)
    assert lines[0] == "Family f1 of user `ada`, client `web`, session `main`"
    assert history.asked == [(subject, family_id)]


@pytest.mark.parametrize(("subject", "family_id"), [("", ""), ("ada", "f1")])
async def test_anything_else_is_refused(subject: str, family_id: str) -> None:
    with pytest.raises(InvalidRequest):
        await explain(Known(), subject=subject, family_id=family_id, now=5.0)
