"""The ASGI application: Django for HTTP, and a branch beside it for the WebSocket, which Django does not speak."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")
django_application = get_asgi_application()

from notes.echo import echo  # noqa: E402 - it uses models, which are there only after the line above


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
    else:
        await django_application(scope, receive, send)
