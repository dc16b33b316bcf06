"""The legacy sessions: a format, the place where they lie, and what may be done with them."""

from typing import Annotated

from pydantic import Field

from gateway.settings.schema.places import Place
from gateway.settings.schema.session import CodecSession, SessionBase
from gateway.settings.schema.sessions_other import (
    ExpressSession,
    LaravelSession,
    PhpSession,
    RailsSession,
    SpringSession,
)
from gateway.settings.schema.sessions_own import ColumnSession, JsonSession, WhoamiSession
from gateway.settings.schema.sessions_python import DjangoSession, FlaskSession, StarletteSession

__all__ = [
    "CodecSession",
    "ColumnSession",
    "DjangoSession",
    "ExpressSession",
    "FlaskSession",
    "JsonSession",
    "LaravelSession",
    "PhpSession",
    "Place",
    "RailsSession",
    "Session",
    "SessionBase",
    "SpringSession",
    "StarletteSession",
    "WhoamiSession",
]

FORMATS = (
    "django",
    "flask",
    "starlette",
    "express",
    "laravel",
    "php",
    "rails",
    "spring",
    "columns",
    "json_record",
    "whoami",
)
"""The formats that this version reads."""

Session = Annotated[
    DjangoSession
    | FlaskSession
    | StarletteSession
    | ExpressSession
    | LaravelSession
    | PhpSession
    | RailsSession
    | SpringSession
    | ColumnSession
    | JsonSession
    | WhoamiSession,
    Field(discriminator="format"),
]
"""One entry of `sessions`."""
