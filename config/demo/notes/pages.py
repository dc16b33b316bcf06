"""Static pages of the site that somebody else builds: a folder, served under an address of its own."""

import mimetypes
from pathlib import Path

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpResponse
from django.utils._os import safe_join
from django.views.decorators.http import require_safe

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


@require_safe
def pages(request, path="index.html"):
    try:
        body = Path(safe_join(settings.PAGES, path)).read_bytes()
    except (SuspiciousFileOperation, OSError, ValueError):
        raise Http404 from None
    kind, _ = mimetypes.guess_type(path)
    return HttpResponse(body, content_type=kind or "application/octet-stream", headers=HEADERS)
