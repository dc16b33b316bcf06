"""The whole configuration."""

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from gateway.settings.addresses import Address, Listen, Site
from gateway.settings.schema.delivery import Delivery
from gateway.settings.schema.issuers import Issuer
from gateway.settings.schema.keys import KeyRotation
from gateway.settings.schema.limits import Limits
from gateway.settings.schema.listeners import Admin, Drain, Metrics
from gateway.settings.schema.phase import Phase
from gateway.settings.schema.rates import Rates
from gateway.settings.schema.routes import Cors, IdentityHeaders, Route
from gateway.settings.schema.section import Section
from gateway.settings.schema.sessions import Session
from gateway.settings.schema.stores import Revocation, Stores
from gateway.settings.schema.tokens import Client, Dpop, Tokens
from gateway.settings.schema.upstreams import Upstream
from gateway.settings.schema.watch import Watch
from gateway.settings.secrets import Secrets
from gateway.settings.values import Flag, Name, Network, Workers, read_path, wrong


def _read_prefix(value: object) -> str:
    path = read_path(value)
    if path.endswith("/") or set(path) & set("*%;") or "//" in path:
        raise wrong("a path without a slash at its end, like /.crossfade")
    return path


Prefix = Annotated[str, PlainValidator(_read_prefix), WithJsonSchema({"type": "string", "pattern": "^/.*[^/]$"})]


class Settings(Section):
    """The configuration of Crossfade."""

    listen: Listen = Address("127.0.0.1", 8080)
    """The data port: where clients connect."""
    workers: Workers = "auto"
    """How many processes serve. `auto` is one for each processor with `stores.postgres`, and one with an embedded
    store, which belongs to one process."""
    public_url: Site
    """The site as browsers know it; origin checks and the issuer come from here, never from a Host header."""
    prefix: Prefix = "/.crossfade"
    """Below this path the addresses of the gateway itself begin."""
    well_known: Flag = True
    """Answers `/.well-known/jwks.json` and `/.well-known/oauth-authorization-server`; `false` leaves both to an
    application that has its own."""
    admin: Admin = Field(default_factory=Admin)
    """The admin port and the local socket."""
    metrics: Metrics = Field(default_factory=Metrics)
    """A port of its own for metrics."""
    trusted_proxies: Annotated[tuple[Network, ...], Field(max_length=100)] = ()
    """What stands in front and may say who the client is; `private` stands for all private networks."""
    upstreams: Annotated[dict[Name, Upstream], Field(min_length=1, max_length=50)]
    """The applications behind the gateway, by a name of yours."""
    phase: Phase = Field(default_factory=Phase)
    """Where the migration begins."""
    sessions: Annotated[tuple[Session, ...], Field(max_length=10)] = ()
    """The legacy sessions."""
    watch: Watch = Field(default_factory=Watch)
    """What is concluded from what the application says of a session."""
    tokens: Tokens = Field(default_factory=Tokens)
    """Access and refresh tokens."""
    dpop: Dpop = Field(default_factory=Dpop)
    """Tokens that are bound to a key of the client."""
    clients: Annotated[tuple[Client, ...], Field(max_length=100)] = ()
    """Who gets tokens."""
    delivery: Delivery = Field(default_factory=Delivery)
    """How tokens travel as cookies."""
    rates: Rates = Field(default_factory=Rates)
    """How often tokens may be asked for."""
    keys: Secrets = ()
    """Private signing keys (PEM); the first one signs, all of them verify. Without any, the gateway makes its own: the
    first beside the embedded store, or in the database that gateways share, and each month the next one."""
    key_rotation: KeyRotation = Field(default_factory=KeyRotation)
    """How the signing keys change."""
    issuers: Annotated[tuple[Issuer, ...], Field(max_length=10)] = ()
    """Other issuers whose access tokens are believed."""
    stores: Stores = Field(default_factory=Stores)
    """What must not be lost, and the shared blacklist."""
    revocation: Revocation = Field(default_factory=Revocation)
    """How fresh the blacklist must be."""
    identity_headers: IdentityHeaders = Field(default_factory=IdentityHeaders)
    """The names under which the application is told who is asking."""
    cors: Cors = Field(default_factory=Cors)
    """Other sites whose scripts may call."""
    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=1000)] = (Route(path="/*"),)
    """Which credential a path asks for; the strictest rule that matches counts."""
    limits: Limits = Field(default_factory=Limits)
    """Bounds on sizes and waits."""
    drain: Drain = Field(default_factory=Drain)
    """What happens between SIGTERM and the end."""

    @property
    def issuer(self) -> str:
        """The claim `iss` of our tokens."""
        return self.tokens.issuer or str(self.public_url)

    @property
    def default_upstream(self) -> str:
        """The application of routes and sessions that name none: `app`, else the first one."""
        return "app" if "app" in self.upstreams else next(iter(self.upstreams))
