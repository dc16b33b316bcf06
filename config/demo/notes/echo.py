"""The WebSocket at /ws/echo: sends back what it gets, to those who are signed in."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import aget_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.request import validate_host

PATH = "/ws/echo"


async def echo(scope, receive, send):
    await receive()  # websocket.connect
    if scope["path"] != PATH or not is_same_site(scope) or not (await user_of(scope)).is_authenticated:
        await send({"type": "websocket.close", "code": 4401})  # before it is accepted: an HTTP 403
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def user_of(scope):
    request = HttpRequest()
    request.session = SessionStore(session_key_of(scope))
    return await aget_user(request)


def session_key_of(scope):
    try:
        cookies = SimpleCookie(header_of(scope, b"cookie"))
    except CookieError:
        return None
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    return morsel.value if morsel else None


def is_same_site(scope):
    """A browser sends cookies with a handshake from any page, so the page's origin must be one of ours."""
    origin = header_of(scope, b"origin")
    return not origin or validate_host(urlsplit(origin).hostname or "", settings.ALLOWED_HOSTS)


def header_of(scope, name):
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
