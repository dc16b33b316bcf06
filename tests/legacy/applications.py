"""The applications that keep the contract: each a real framework, and what the gateway is told of its sessions."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.legacy.contract import Case


def express(**options: str) -> Sequence[str]:
    """The command of the Express application."""
    return ["node", "server.js", json.dumps({"secrets": ["sekrit"], "port": "$port", **options})]


FOLDER = Path(__file__).parent
GEMS = "/usr/share/rubygems-integration/all/gems"  # where Debian puts them
PYTHON = [sys.executable, "-m", "tests.legacy.serve"]
IN_COOKIE = "{ cookie: {} }"
IN_REDIS = "{ redis: { url: '$redis' } }"
IN_POSTGRES = "{ postgres: { url: '$postgres' } }"
NO_REDIS = "{ redis: { url: 'unix:///nobody.sock' } }"
NO_POSTGRES = "{ postgres: { url: 'postgresql://a@127.0.0.1:1/b' } }"
NO_USERS = "{ cookie: {} }, users: { table: users, place: { postgres: { url: 'postgresql://a@127.0.0.1:1/b' } } }"
EXPRESS = ("node", str(FOLDER / "express" / "node_modules"))
SECRET = "secrets: { env: SECRET }"

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
FLASK = Case(
    "flask",
    [*PYTHON, "flask", "$port"],
    f"format: flask, {SECRET}",
    "session",
    IN_COOKIE,
    NO_USERS,
    is_kept_by_client=True,
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
PHP = Case(
    "php",
    ["php", '-dsession.save_path="$folder"', "-S", "127.0.0.1:$port", "router.php"],
    "format: php",
    "PHPSESSID",
    "{ file: { directory: '$folder' } }",
    "{ file: { directory: '$folder/none' } }",
    folder=FOLDER / "php",
    needs=("php",),
)


def rails(name: str, cookie: str, session: str, place: str, away: str, **options: str) -> Case:
    """A Rails application with the options of `rails/server.rb`."""
    return Case(
        name,
        ["ruby", "server.rb", json.dumps({"port": "$port", **options})],
        f"format: rails, {session}",
        cookie,
        place,
        away,
        is_kept_by_client=place == IN_COOKIE,
        folder=FOLDER / "rails",
        needs=("ruby", f"{GEMS}/railties-*", f"{GEMS}/redis-actionpack-*", f"{GEMS}/activerecord-*"),
    )


RAILS_COOKIE = f"cookies: [_app_session], user: user_id, {SECRET}"
RAILS = [
    rails("rails-json", "_app_session", RAILS_COOKIE, IN_COOKIE, NO_USERS, store="cookie"),
    rails("rails-marshal", "_app_session", RAILS_COOKIE, IN_COOKIE, NO_USERS, store="cookie", serializer="marshal"),
    rails(
        "rails-redis",
        "_app_session",
        "cookies: [_app_session], user: user_id, options: { prefix: 'rack:session:' }",
        IN_REDIS,
        NO_REDIS,
        store="redis",
        url="$redis",
    ),
    rails(
        "rails-authentication",
        "session_id",
        f"cookies: [session_id, _app_session], {SECRET}, options: {{ store: authentication }}",
        "{ sqlite: { file: '$folder/rails.db' } }",
        "{ sqlite: { file: '$folder/none.db' } }",
        store="authentication",
        database="$folder/rails.db",
    ),
]
CASES = [
    DJANGO,
    DJANGO_CACHE,
    FLASK,
    FLASK_SESSION,
    STARLETTE,
    EXPRESS_REDIS,
    EXPRESS_POSTGRES,
    EXPRESS_COOKIE,
    PHP,
    *RAILS,
]
