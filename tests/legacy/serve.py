"""Real Python applications for the contract: `python -m tests.legacy.serve NAME PORT [DATABASE] [REDIS]`.

All of them answer the same: POST /login (user), /logout, /rotate, /note, /expire; GET /who. `flask-wtf` is Flask with
Flask-WTF in front of everything but the login; its page /form has the token. `flask-remember` remembers whoever
logs in. AGE in the environment is for how many seconds a session lasts.
"""

import json
import os
import sys
import warnings
from base64 import b64encode
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from tests.legacy.real_django import PASSWORD
from tests.legacy.signing import signing_long_ago

REMOTE_USER = "django.contrib.auth.middleware.RemoteUserMiddleware"
KNOWN_USERS = "tests.legacy.django_remote_user.KnownUsers"
AGE = int(os.environ.get("AGE", "1209600"))


def database_of(place: str) -> dict[str, object]:
    """What Django is told of a PostgreSQL (a URL), of the Unix socket of a MariaDB, or of a file of SQLite."""
    if place.endswith("/socket"):
        import pymysql

        pymysql.install_as_MySQLdb()
        return {"ENGINE": "django.db.backends.mysql", "NAME": "app", "USER": "app", "HOST": place}
    if place.startswith("postgresql:"):
        url = urlsplit(place)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username,
            "HOST": url.hostname,
            "PORT": url.port,
        }
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": place}


def django_application(database: str, redis_url: str = "", *, engine: str = "db", remote_user: str = "") -> Any:
    """Everything but the login is checked for CSRF, as it is where nobody takes that off."""
    import django
    from django.conf import settings

    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
    settings.configure(
        SECRET_KEY="sekrit",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.legacy.django_urls",
        DATABASES={"default": database_of(database)},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            *([remote_user] if remote_user else []),
        ],
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", *([KNOWN_USERS] if remote_user else [])],
        SESSION_ENGINE=f"django.contrib.sessions.backends.{'cache' if redis_url else engine}",
        CACHES={"default": cache if redis_url else {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
        SESSION_COOKIE_AGE=AGE,
    )
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    from django.contrib.auth import get_user_model

    for number, name in ((101, "ada"), (102, "otp")):
        if not get_user_model().objects.filter(pk=number).exists():
            get_user_model().objects.create_user(name, password=PASSWORD, pk=number)
    return get_wsgi_application()


def starlette_application() -> Any:
    import itsdangerous
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def form_of(request: Request) -> MutableMapping[str, str]:
        from urllib.parse import parse_qsl

        return dict(parse_qsl((await request.body()).decode()))

    async def login(request: Request) -> PlainTextResponse:
        request.session["user_id"] = (await form_of(request))["user"]
        return PlainTextResponse("in")

    async def logout(request: Request) -> PlainTextResponse:
        request.session.clear()
        return PlainTextResponse("out")

    async def rotate(request: Request) -> PlainTextResponse:
        request.session["rotated"] = True
        return PlainTextResponse("rotated")

    async def expire(request: Request) -> PlainTextResponse:
        response = PlainTextResponse("expired")
        with signing_long_ago():
            signer = itsdangerous.TimestampSigner("sekrit")
            text = signer.sign(b64encode(json.dumps(request.session).encode())).decode()
        response.set_cookie("session", text)
        return response

    async def note(request: Request) -> PlainTextResponse:
        request.session["notes"] = [*request.session.get("notes", []), (await form_of(request))["text"]]
        return PlainTextResponse(f"{request.session.get('user_id', '')}:{len(request.session['notes'])}")

    async def who(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.session.get("user_id", "")))

    posts = {"/login": login, "/logout": logout, "/rotate": rotate, "/note": note, "/expire": expire}
    routes = [*(Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()), Route("/who", who)]
    return Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key="sekrit", max_age=AGE)])


def serve_asgi(name: str, port: str, *places: str) -> None:
    import uvicorn

    application = starlette_application()
    if name == "django-remote-user-asgi":
        django_application(*places, remote_user=REMOTE_USER)
        from django.core.asgi import get_asgi_application

        application = get_asgi_application()
    uvicorn.run(application, host="127.0.0.1", port=int(port), log_level="warning")


def main(name: str, port: str, *places: str) -> None:
    if name in {"starlette", "django-remote-user-asgi"}:
        serve_asgi(name, port, *places)
        return
    from werkzeug.serving import run_simple

    from tests.legacy.serve_flask import flask_application, protected, told_by_headers

    warnings.simplefilter("ignore", DeprecationWarning)
    match name:
        case "django":
            application = django_application(*places)
        case "django-signed-cookies":
            application = django_application(*places, engine="signed_cookies")
        case "django-remote-user":
            application = django_application(*places, remote_user="tests.legacy.django_remote_user.AuthSubject")
        case "flask-headers":
            application = told_by_headers(flask_application(*places))
        case "flask-wtf":
            application = protected(flask_application(*places))
        case "flask-json":
            application = flask_application(*places, serialization="json")
        case _:
            application = flask_application(*places, remembers=name == "flask-remember")
    run_simple("127.0.0.1", int(port), application, threaded=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
