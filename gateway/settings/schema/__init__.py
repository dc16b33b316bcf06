"""The shape of the configuration, one file for each family of sections; `Settings` is the whole."""

from gateway.settings.schema.issuers import Issuer
from gateway.settings.schema.keys import KeyRotation
from gateway.settings.schema.limits import Limits
from gateway.settings.schema.listeners import Admin, Drain, Metrics
from gateway.settings.schema.phase import Phase
from gateway.settings.schema.root import Settings
from gateway.settings.schema.routes import Cors, IdentityHeaders, Route
from gateway.settings.schema.section import Section
from gateway.settings.schema.sessions import DjangoSession, FlaskSession, Session, WhoamiSession
from gateway.settings.schema.stores import Embedded, Redis, Revocation, Stores
from gateway.settings.schema.tokens import Client, Tokens
from gateway.settings.schema.upstreams import Upstream

__all__ = [
    "Admin",
    "Client",
    "Cors",
    "DjangoSession",
    "Drain",
    "Embedded",
    "FlaskSession",
    "IdentityHeaders",
    "Issuer",
    "KeyRotation",
    "Limits",
    "Metrics",
    "Phase",
    "Redis",
    "Revocation",
    "Route",
    "Section",
    "Session",
    "Settings",
    "Stores",
    "Tokens",
    "Upstream",
    "WhoamiSession",
]
