"""A real Flask application with Flask-Login, driven in process."""

from datetime import timedelta

import flask
import flask_login
from flask.testing import FlaskClient


class User(flask_login.UserMixin):  # type: ignore[misc]
    def __init__(self, name: str) -> None:
        self.id = name


def real_flask(**config: object) -> flask.Flask:
    app = flask.Flask("app")
    app.config.update(
        {"SECRET_KEY": "sekrit", "PERMANENT_SESSION_LIFETIME": timedelta(days=31), "TESTING": True, **config}
    )
    manager = flask_login.LoginManager(app)
    manager.user_loader(User)

    @app.post("/login")
    def login() -> str:
        form = flask.request.form
        flask.session.permanent = "permanent" in form
        flask_login.login_user(User(form["user"]), remember="remember" in form)
        return ""

    @app.post("/logout")
    def logout() -> str:
        flask_login.logout_user()
        return ""

    @app.post("/put")
    def put() -> str:
        flask.session.update(flask.request.get_json())
        return ""

    @app.get("/who")
    def who() -> str:
        return str(flask_login.current_user.get_id() or "")

    return app


def cookies_of(client: FlaskClient) -> dict[bytes, bytes]:
    """The cookies as a browser would send them."""
    header = client.get("/who").request.environ.get("HTTP_COOKIE", "")
    pairs = (part.split("=", 1) for part in header.split("; ") if part)
    return {name.encode(): value.encode() for name, value in pairs}


def who(app: flask.Flask, cookies: dict[bytes, bytes]) -> str:
    """Whom the application itself takes the cookies for."""
    client = app.test_client(use_cookies=False)
    header = b"; ".join(name + b"=" + value for name, value in cookies.items()).decode("latin-1")
    return client.get("/who", headers={"Cookie": header}).text
