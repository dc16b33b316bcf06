"""Real Python applications for the contract: `python -m tests.legacy.serve NAME PORT [DATABASE] [REDIS]`.

All of them answer the same: POST /login (user), /logout, /rotate, /note; GET /who. `flask-wtf` is Flask with Flask-WTF
in front of everything but the login; its page /form has the token.
"""

import sys
import warnings
from collections.abc import MutableMapping
from typing import Any

PASSWORD = "lovelace-1843"


def protected(app: Any) -> Any:
    from flask_wtf.csrf import CSRFProtect, generate_csrf

    protection = CSRFProtect(app)
    protection.exempt(app.view_functions["login"])
    app.get("/form")(generate_csrf)
    return app


def flask_application(redis_url: str = "") -> Any:
    import flask
    import flask_login

    from tests.legacy.real_flask import User

    app = flask.Flask("app")
    app.config["SECRET_KEY"] = "sekrit"
    if redis_url:
        import redis
        from flask_session import Session

        app.config |= {"SESSION_TYPE": "redis", "SESSION_REDIS": redis.Redis.from_url(redis_url)}
        Session(app)
    manager = flask_login.LoginManager(app)
    manager.user_loader(User)

    @app.post("/login")
    def login() -> str:
        flask_login.login_user(User(flask.request.form["user"]))
        return "in"

    @app.post("/signin")
    def sign_in() -> Any:
        typed = flask.request.get_json()
        if typed["email"] == "otp":
            return {"next": "code"}
        if typed["password"] != PASSWORD:
            return {"error": "no"}, 401
        flask_login.login_user(User(typed["email"]))
        return {"ok": True}

    @app.post("/logout")
    def logout() -> str:
        flask_login.logout_user()
        return "out"

    @app.post("/rotate")
    def rotate() -> str:
        if redis_url:
            app.session_interface.regenerate(flask.session)  # type: ignore[attr-defined]
        flask.session["rotated"] = True
        return "rotated"

    @app.post("/note")
    def note() -> str:
        notes = flask.session["notes"] = [*flask.session.get("notes", []), flask.request.form["text"]]
        return f"{flask_login.current_user.get_id() or ''}:{len(notes)}"

    @app.get("/who")
    def who() -> str:
        return str(flask_login.current_user.get_id() or "")

    return app


def django_application(database: str, redis_url: str = "") -> Any:
    """Everything but the login is checked for CSRF, as it is where nobody takes that off."""
    import django
    from django.conf import settings

    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
    settings.configure(
        SECRET_KEY="sekrit",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.legacy.django_urls",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_ENGINE=f"django.contrib.sessions.backends.{'cache' if redis_url else 'db'}",
        CACHES={"default": cache if redis_url else {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
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

    async def note(request: Request) -> PlainTextResponse:
        request.session["notes"] = [*request.session.get("notes", []), (await form_of(request))["text"]]
        return PlainTextResponse(f"{request.session.get('user_id', '')}:{len(request.session['notes'])}")

    async def who(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.session.get("user_id", "")))

    posts = {"/login": login, "/logout": logout, "/rotate": rotate, "/note": note}
    routes = [*(Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()), Route("/who", who)]
    return Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key="sekrit")])


def main(name: str, port: str, *places: str) -> None:
    if name == "starlette":
        import uvicorn

        uvicorn.run(starlette_application(), host="127.0.0.1", port=int(port), log_level="warning")
        return
    from werkzeug.serving import run_simple

    warnings.simplefilter("ignore", DeprecationWarning)
    application = django_application(*places) if name == "django" else flask_application(*places)
    application = protected(application) if name == "flask-wtf" else application
    run_simple("127.0.0.1", int(port), application, threaded=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
