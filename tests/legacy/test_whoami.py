"""What an application's answer says: a user, nobody, or nothing that can be believed."""

import re

import pytest

from gateway.codec import UserMapping
from gateway.headers import Pairs
from gateway.legacy.whoami import WhoamiRules
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict

NOBODY = Anonymous("no_user", is_hearsay=True)
UNREADABLE = Undetermined("unreadable")
UNREACHABLE = Undetermined("unreachable")


def user(subject: str, **claims: object) -> LegacySession:
    return LegacySession("main", "key", subject, claims, is_bound=True)


JSON = WhoamiRules(UserMapping("main", "user.id", {"roles": "user.roles"}), login_url="/login/")


@pytest.mark.parametrize(
    ("status", "fields", "body", "verdict"),
    [
        (200, [], b'{"user": {"id": "ada"}}', user("ada")),
        (200, [], b'{"user": {"id": 7, "roles": ["staff"]}}', user("7", roles=["staff"])),
        (203, [], b'{"user": {"id": "ada"}}', user("ada")),
        (200, [], b'{"user": {"id": ""}}', NOBODY),
        (200, [], b'{"user": {"id": null}}', NOBODY),
        (200, [], b'{"user": null}', NOBODY),
        (200, [], b'{"user": false}', NOBODY),
        (200, [], b'{"user": {"id": false}}', NOBODY),
        (200, [], b"{}", UNREADABLE),
        (200, [], b'{"user": "ada"}', UNREADABLE),
        (200, [], b'{"user": {"id": {}}}', UNREADABLE),
        (200, [], b"<html>Down for maintenance</html>", UNREADABLE),
        (200, [], b"", UNREADABLE),
        (204, [], b"", UNREADABLE),
        (401, [], b'{"user": {"id": "ada"}}', NOBODY),
        (403, [], b"", NOBODY),
        (302, [(b"Location", b"/login/?next=/api/me")], b"", NOBODY),
        (303, [(b"location", b"https://www.example.com/login")], b"", NOBODY),
        (302, [(b"Location", b"/maintenance/")], b"", UNREADABLE),
        (302, [(b"Location", b"http://[/login/")], b"", UNREADABLE),
        (302, [], b"", UNREADABLE),
        (304, [(b"Location", b"/login/")], b"", UNREADABLE),
        (404, [], b"", UNREADABLE),
        (429, [], b"", UNREACHABLE),
        (500, [], b'{"user": {"id": "ada"}}', UNREACHABLE),
        (503, [], b"", UNREACHABLE),
    ],
)
def test_the_answer_and_what_it_says(status: int, fields: Pairs, body: bytes, verdict: Verdict) -> None:
    assert JSON.judge(status, fields, body, "key") == verdict


def test_without_a_login_page_no_redirect_says_anything() -> None:
    rules = WhoamiRules(UserMapping("main", "user"))
    assert rules.judge(302, [(b"Location", b"/")], b"", "key") == UNREADABLE


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ([(b"X-User", b" ada ")], user("ada")),
        ([(b"x-user", b"")], NOBODY),
        ([], UNREADABLE),
        ([(b"X-User", b"x" * 256)], UNREADABLE),
    ],
)
def test_a_header_may_name_the_user(fields: Pairs, verdict: Verdict) -> None:
    rules = WhoamiRules(UserMapping("main", ""), header=b"x-user")
    assert rules.judge(200, fields, b"", "key") == verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [(b"<b id=account>ada</b>", user("ada")), (b"<b id=account></b>", NOBODY), (b"<p>Welcome!</p>", UNREADABLE)],
)
def test_a_page_may_name_the_user(body: bytes, verdict: Verdict) -> None:
    rules = WhoamiRules(UserMapping("main", ""), pattern=re.compile(rb"<b id=account>([^<]*)</b>"))
    assert rules.judge(200, [], body, "key") == verdict


@pytest.mark.parametrize("body", [b"{}", b'{"user": {}}'])
def test_where_the_operator_says_so_a_missing_user_is_nobody(body: bytes) -> None:
    rules = WhoamiRules(UserMapping("main", "user.id"), missing_is_anonymous=True)
    assert rules.judge(200, [], body, "key") == NOBODY
    assert rules.judge(200, [], b"<html>", "key") == UNREADABLE
