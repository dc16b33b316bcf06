"""The event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import json
import threading

from django.http import JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

stopping = threading.Event()
"""Set when the server is about to stop."""


@require_GET
async def events(request):
    """One event per second for as long as the reader stays."""
    user = await request.auser()
    if not user.is_authenticated:
        return JsonResponse({"error": "Sign in first."}, status=401)
    return StreamingHttpResponse(
        ticks(user.get_username()), content_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


async def ticks(user):
    number = 0
    while not stopping.is_set():
        tick = {"number": number, "user": user, "at": timezone.now().isoformat(timespec="seconds")}
        yield f"event: tick\nid: {number}\ndata: {json.dumps(tick)}\n\n"
        number += 1
        await asyncio.sleep(1)
