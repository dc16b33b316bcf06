"""The application as Django knows it."""

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "notes"
