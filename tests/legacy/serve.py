"""Real Python applications whose sessions the gateway reads: `python -m tests.legacy.serve NAME PORT [REDIS]`.

All of them answer the same: POST /login (user), /logout, /rotate, /note; GET /who.
"""

import sys
import warnings
from collections.abc import MutableMapping
from typing import Any


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


def main(name: str, port: str, redis_url: str = "") -> None:
    if name == "starlette":
        import uvicorn

        uvicorn.run(starlette_application(), host="127.0.0.1", port=int(port), log_level="warning")
        return
    warnings.simplefilter("ignore", DeprecationWarning)
    flask_application(redis_url).run("127.0.0.1", int(port), threaded=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
