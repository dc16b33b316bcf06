"""The views of the Django application of the contract."""

from django.contrib.auth import get_user_model, login, logout
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt  # type: ignore[untyped-decorator]
def log_in(request: HttpRequest) -> HttpResponse:
    number = int(request.POST["user"])
    user, _ = get_user_model().objects.get_or_create(pk=number, defaults={"username": f"user{number}"})
    login(request, user)
    get_token(request)
    return HttpResponse("in")


def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("out")


def rotate(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    return HttpResponse("rotated")


def note(request: HttpRequest) -> HttpResponse:
    notes = request.session["notes"] = [*request.session.get("notes", []), request.POST["text"]]
    return HttpResponse(f"{request.user.pk or ''}:{len(notes)}")


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user.pk or ""))


urlpatterns = [
    path("login", log_in),
    path("logout", log_out),
    path("rotate", rotate),
    path("note", note),
    path("who", who),
]
