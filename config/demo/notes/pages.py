"""Static pages of the site that somebody else builds: a folder, served under an address of its own."""

from django.conf import settings
from django.views.decorators.http import require_safe
from django.views.static import serve

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@require_safe
def pages(request, path="index.html"):
    answer = serve(request, path, document_root=settings.PAGES)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-cache"
    return answer
