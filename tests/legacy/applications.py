"""The applications that keep the contract, each a real framework, and what the gateway is told of its sessions.

These come from PyPI and npm; `tests.legacy.applications_debian` has the others.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from tests.legacy.case_places import (
    FOLDER,
    IN_COOKIE,
    IN_POSTGRES,
    IN_REDIS,
    NO_POSTGRES,
    NO_REDIS,
    NO_USERS,
    SECRET,
)
from tests.legacy.contract import Case

PYTHON = [sys.executable, "-m", "tests.legacy.serve"]
EXPRESS = ("node", str(FOLDER / "express" / "node_modules"))


def express(**options: str) -> Sequence[str]:
    """The command of the Express application."""
    return ["node", "server.js", json.dumps({"secrets": ["sekrit"], "port": "$port", **options})]


DJANGO = Case(
    "django",
    [*PYTHON, "django", "$port", "$folder/app.db"],
    f"format: django, {SECRET}",
    "sessionid",
    "{ sqlite: { file: '$folder/app.db' } }",
    "{ sqlite: { file: '$folder/none.db' } }",
)
DJANGO_CACHE = Case(
    "django-cache",
    [*PYTHON, "django", "$port", "$folder/app.db", "$redis"],
    f"format: django, {SECRET}, users: {{ place: {{ sqlite: {{ file: '$folder/app.db' }} }} }}",
    "sessionid",
    IN_REDIS,
    NO_REDIS,
)
DJANGO_POSTGRES = replace(
    DJANGO,
    name="django-postgres",
    command=[*PYTHON, "django", "$port", "$postgres"],
    place=IN_POSTGRES,
    away=NO_POSTGRES,
)
FLASK = Case(
    "flask",
    [*PYTHON, "flask", "$port"],
    f"format: flask, {SECRET}",
    "session",
    IN_COOKIE,
    NO_USERS,
    is_kept_by_client=True,
)
FLASK_REMEMBER = replace(
    FLASK,
    name="flask-remember",
    command=[*PYTHON, "flask-remember", "$port"],
    session=f"format: flask, cookies: [session, remember_token], {SECRET}",
    remember="remember_token",
)
STARLETTE = Case(
    "starlette",
    [*PYTHON, "starlette", "$port"],
    f"format: starlette, {SECRET}",
    "session",
    IN_COOKIE,
    NO_USERS,
    is_kept_by_client=True,
)
FLASK_SESSION = Case(
    "flask-session",
    [*PYTHON, "flask", "$port", "$redis"],
    f"format: flask, {SECRET}",
    "session",
    IN_REDIS,
    NO_REDIS,
)
EXPRESS_REDIS = Case(
    "express-redis",
    express(store="redis", url="$redis", user="passport"),
    f"format: express, {SECRET}",
    "connect.sid",
    IN_REDIS,
    NO_REDIS,
    folder=FOLDER / "express",
    needs=EXPRESS,
)
EXPRESS_POSTGRES = Case(
    "express-postgres",
    express(store="postgres", url="$postgres", user="own"),
    f"format: express, user: userId, {SECRET}",
    "connect.sid",
    IN_POSTGRES,
    NO_POSTGRES,
    folder=FOLDER / "express",
    needs=EXPRESS,
)
EXPRESS_COOKIE = Case(
    "express-cookie",
    express(store="cookie", user="own"),
    f"format: express, user: userId, cookies: [session, session.sig], {SECRET}, options: {{ allow_unrevocable: true }}",
    "session",
    IN_COOKIE,
    NO_USERS,
    is_kept_by_client=True,
    is_ageless=True,
    folder=FOLDER / "express",
    needs=EXPRESS,
)
WHOAMI = Case(
    "whoami",
    express(store="memory", user="passport"),
    "format: whoami, cookies: [connect.sid]",
    "connect.sid",
    "{ whoami: { url: 'http://127.0.0.1:$port/me' } }",
    "{ whoami: { url: 'http://127.0.0.1:1/me' } }",
    is_inferred=True,
    more="watch: { second_look: 1s, max_rate: 100% }",
    folder=FOLDER / "express",
    needs=EXPRESS,
)
JSON_RECORD = replace(
    FLASK_SESSION,
    name="json-record",
    command=[*PYTHON, "flask-json", "$port", "$redis"],
    session="format: json_record, cookies: [session], user: _user_id, options: { prefix: 'session:' }",
)
CASES = [
    DJANGO,
    DJANGO_CACHE,
    DJANGO_POSTGRES,
    FLASK,
    FLASK_REMEMBER,
    FLASK_SESSION,
    STARLETTE,
    EXPRESS_REDIS,
    EXPRESS_POSTGRES,
    EXPRESS_COOKIE,
    WHOAMI,
    JSON_RECORD,
]
