"""The views of the Django application of the contract."""

from django.contrib.auth import authenticate, get_user_model, login, logout
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt  # type: ignore[untyped-decorator]
def log_in(request: HttpRequest) -> HttpResponse:
    number = int(request.POST["user"])
    user, _ = get_user_model().objects.get_or_create(pk=number, defaults={"username": f"user{number}"})
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    get_token(request)
    return HttpResponse("in")


def sign_in(request: HttpRequest) -> HttpResponse:
    """The login page as most Django sites have it. `otp` is a user who needs a second factor."""
    if request.method == "POST":
        user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
        if user is not None and user.get_username() == "otp":
            request.session["waits_for_code"] = user.pk
            return redirect("/code")
        if user is not None:
            login(request, user)
            request.session["seen"] = [request.META["HTTP_X_FORWARDED_FOR"], request.META["HTTP_USER_AGENT"]]
            return redirect("/who")
    return HttpResponse(
        f'''<form method="get"><input name="q"></form>
        <form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">
        <input name="username"><input type="password" name="password"></form>'''
    )


def seen(request: HttpRequest) -> HttpResponse:
    return HttpResponse(" ".join(request.session.get("seen", [])))


def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("out")


def rotate(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    return HttpResponse("rotated")


def expire(request: HttpRequest) -> HttpResponse:
    request.session.set_expiry(-1)
    return HttpResponse("expired")


def note(request: HttpRequest) -> HttpResponse:
    notes = request.session["notes"] = [*request.session.get("notes", []), request.POST["text"]]
    return HttpResponse(f"{request.user.pk or ''}:{len(notes)}")


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user.pk or ""))


urlpatterns = [
    path("login", log_in),
    path("signin", sign_in),
    path("seen", seen),
    path("logout", log_out),
    path("rotate", rotate),
    path("expire", expire),
    path("note", note),
    path("who", who),
]
