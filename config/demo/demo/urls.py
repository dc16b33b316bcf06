"""Addresses of the demo."""

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.generic import TemplateView
from notes import views
from notes.events import events
from notes.pages import pages

cached = cache_control(public=True, max_age=3600)

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", LoginView.as_view(template_name="notes/login.html", redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("rotate/", views.rotate, name="rotate"),
    path("events/", events, name="events"),
    path("api/me", views.me, name="me"),
    path("api/notes", views.notes, name="notes"),
    path(
        "static/style.css",
        cached(TemplateView.as_view(template_name="notes/style.css", content_type="text/css")),
        name="style",
    ),
    path(
        "static/script.js",
        cached(TemplateView.as_view(template_name="notes/script.js", content_type="text/javascript")),
        name="script",
    ),
]

if settings.PAGES:
    urlpatterns += [path("client/", pages, name="pages"), path("client/<path:path>", pages)]
