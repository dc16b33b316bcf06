"""The Flask application of the contract."""

import os
from datetime import timedelta
from typing import Any

import flask
import flask_login

from tests.legacy.real_django import PASSWORD
from tests.legacy.real_flask import User
from tests.legacy.signing import signing_long_ago


def protected(app: flask.Flask) -> flask.Flask:
    """Put Flask-WTF in front of everything but the login."""
    from flask_wtf.csrf import CSRFProtect, generate_csrf

    protection = CSRFProtect(app)
    protection.exempt(app.view_functions["login"])
    app.get("/form")(generate_csrf)
    return app


def told_by_headers(app: flask.Flask) -> flask.Flask:
    """Believe the header of a gateway, where nobody is signed in by the session."""

    @app.login_manager.request_loader  # type: ignore[attr-defined,untyped-decorator]
    def load(request: flask.Request) -> User | None:
        name = request.headers.get("X-Auth-Subject")
        return User(name) if name else None

    return app


def flask_application(redis_url: str = "", *, remembers: bool = False, serialization: str = "msgpack") -> Any:
    app = flask.Flask("app")
    age = timedelta(seconds=int(os.environ.get("AGE", "2678400")))
    app.config |= {"SECRET_KEY": "sekrit", "PERMANENT_SESSION_LIFETIME": age}
    if redis_url:
        import redis
        from flask_session import Session

        app.config |= {"SESSION_TYPE": "redis", "SESSION_REDIS": redis.Redis.from_url(redis_url)}
        app.config["SESSION_SERIALIZATION_FORMAT"] = serialization
        Session(app)
    manager = flask_login.LoginManager(app)
    manager.user_loader(User)

    @app.post("/login")
    def login() -> str:
        flask_login.login_user(User(flask.request.form["user"]), remember=remembers)
        return "in"

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

    @app.post("/expire")
    def expire() -> Any:
        response = flask.make_response("expired")
        response.delete_cookie("remember_token")  # it has no end but that of the browser's
        if redis_url:
            key = f"session:{flask.session.sid}"  # type: ignore[attr-defined]
            response.call_on_close(lambda: app.config["SESSION_REDIS"].expire(key, 0))
        else:
            serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
            with signing_long_ago():
                response.set_cookie("session", serializer.dumps(dict(flask.session)))
        return response

    @app.post("/note")
    def note() -> str:
        notes = flask.session["notes"] = [*flask.session.get("notes", []), flask.request.form["text"]]
        return f"{flask_login.current_user.get_id() or ''}:{len(notes)}"

    @app.get("/who")
    def who() -> str:
        return str(flask_login.current_user.get_id() or "")

    _with_login_by_json(app)
    return app


def _with_login_by_json(app: flask.Flask) -> None:
    @app.post("/signin")
    def sign_in() -> Any:
        typed = flask.request.get_json()
        if typed["email"] == "otp":
            return {"next": "code"}
        if typed["password"] != PASSWORD:
            return {"error": "no"}, 401
        flask_login.login_user(User(typed["email"]))
        return {"ok": True}
