"""The page and the JSON interface. Who is signed in is known from the session cookie alone."""

import json
from functools import wraps

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods

from notes.models import Note


def signed_in(view):
    """Answer 401 instead of sending a program to the login page."""

    @wraps(view)
    def inner(request):
        if not request.user.is_authenticated:
            return JsonResponse({"error": "Sign in first."}, status=401)
        return view(request)

    return inner


@require_GET
@ensure_csrf_cookie
def home(request):
    notes = request.user.notes.all()[:20] if request.user.is_authenticated else []
    return render(request, "notes/home.html", {"notes": notes})


@require_GET
@signed_in
def me(request):
    return JsonResponse({"user": request.user.get_username()})


@require_http_methods(["GET", "POST"])
@signed_in
def notes(request):
    if request.method == "GET":
        return JsonResponse({"notes": [as_json(note) for note in request.user.notes.all()[:100]]})
    try:
        text = json.loads(request.body)["text"].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        text = ""
    if not 1 <= len(text) <= Note._meta.get_field("text").max_length:
        return JsonResponse({"error": 'Send {"text": …} with 1 to 500 characters.'}, status=400)
    return JsonResponse(as_json(Note.objects.create(user=request.user, text=text)), status=201)


def as_json(note):
    return {"id": note.pk, "user": note.user.get_username(), "text": note.text}


@require_http_methods(["GET", "POST"])
@signed_in
def rotate(request):
    """Give the session a new key, as Django itself does at login and after a change of password."""
    request.session.cycle_key()
    return JsonResponse({"rotated": True})
