"""How the signing keys change."""

from gateway.settings.schema.section import Section
from gateway.settings.values import Duration


class KeyRotation(Section):
    """How the signing keys change. What the gateway makes itself lies in its store, sealed with the master secret."""

    every: Duration | None = None
    """How often the gateway makes the next key; without it, each 30 days where `keys` lists none, else never."""
    publish_lead: Duration = 86400.0
    """How long a key is published before it signs."""
    retire_delay: Duration | None = None
    """How long a key verifies after another has taken its place; without it, two hours, or as long as an access token
    lives where that is longer."""
