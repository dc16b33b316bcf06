"""The signing keys: those of the configuration, those that the gateway keeps itself, and when they change."""

from collections.abc import Callable, Mapping

from gateway.core.key_states import KeySchedule
from gateway.key_ports import KeyStore
from gateway.keys.files import KeyPlace
from gateway.keys.generated import load_or_generate_key
from gateway.keys.listed import ListedKeys
from gateway.keys.ring import KeyRing
from gateway.keys.rotation import KeyRotation
from gateway.keys.sealed import KeySeal
from gateway.settings.schema.root import Settings
from gateway.wiring.stores import beside

Environ = Mapping[str, str]

_MONTH = 30 * 86400.0
_RETIRE_DELAY = 7200.0


def open_key_rotation(
    settings: Settings, environ: Environ, store: KeyStore, seal: bytes, on_compromise: Callable[[], object]
) -> KeyRotation:
    """Load the keys of the configuration; those in the store follow when the rotation starts.

    `seal` is the key of 32 bytes under which the gateway's own keys are sealed; `on_compromise` hears when a key was
    given up.

    Raises:
        ConfigurationError: a key cannot be used.
    """
    listed = open_listed_keys(settings, environ)
    return KeyRotation(
        ring=KeyRing(listed.keys),
        store=store,
        seal=KeySeal(seal),
        schedule=schedule_of(settings),
        algorithm=settings.tokens.algorithm,
        listed=listed,
        on_compromise=on_compromise,
    )


def open_listed_keys(settings: Settings, environ: Environ) -> ListedKeys:
    """Load the keys of the configuration. Without any, the embedded mode makes one at its first start.

    Raises:
        ConfigurationError: a key cannot be used.
    """
    listed = ListedKeys(_places(settings, environ), environ)
    listed.load()
    return listed


def _places(settings: Settings, environ: Environ) -> list[KeyPlace]:
    algorithm = settings.tokens.algorithm
    if settings.keys:
        return [
            KeyPlace(algorithm, signs=position == 0, file=secret.file, env=secret.env or "")
            for position, secret in enumerate(settings.keys)
        ]
    if settings.stores.postgres is not None:
        return []
    place = beside(settings.stores.embedded.file, "signing-key.pem")
    anywhere = settings.stores.embedded.single_instance
    load_or_generate_key(place, algorithm, environ, is_allowed_anywhere=anywhere)
    return [KeyPlace(algorithm, file=place)]


def schedule_of(settings: Settings) -> KeySchedule:
    """Return when the signing keys change."""
    rotation, tokens = settings.key_rotation, settings.tokens
    return KeySchedule(
        every=rotation.every or (None if settings.keys else _MONTH),
        publish_lead=rotation.publish_lead,
        retire_delay=rotation.retire_delay or max(_RETIRE_DELAY, tokens.access + tokens.leeway),
    )
