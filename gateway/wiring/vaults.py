"""The vault, and the one whose sessions are followed by others of our own making."""

import asyncio
import secrets as randomness
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.bridge.mint import Mint
from gateway.bridge.minted_vault import Following, MintingVault
from gateway.bridge.vault import SealedVault, VaultKeys
from gateway.keys.secrets import DerivedKeys
from gateway.ports import Clock, Facts, SessionStore, Vault
from gateway.settings.schema.root import Settings
from gateway.wiring.mint import open_mints
from gateway.wiring.stores import Stores

_CACHE = 30.0  # seconds; with an embedded store there is one process, whose own writes are noticed at once
_SHARED_CACHE = 1.0  # seconds that another gateway's write may be overlooked; a compare-and-set is never fooled


@dataclass(frozen=True, slots=True)
class Vaults:
    """`sealed` holds what was captured. `living` gives a session that is alive; where none is ever made it is the same.

    `mints` make sessions, by the names of their sites.
    """

    sealed: Vault
    living: Vault
    mints: Mapping[str, Mint]


def open_vaults(
    settings: Settings,
    environ: Mapping[str, str],
    clock: Clock,
    opened: AsyncExitStack,
    stores: Stores,
    keys: DerivedKeys,
    sessions: Mapping[str, SessionStore],
    following: Callable[[], Following],
    facts: Facts,
) -> Vaults:
    """Open both; `opened` closes what they hold. `following` is asked when there are families to follow a session.

    Raises:
        ConfigurationError: a secret or an address cannot be read.
    """
    sealed = SealedVault(
        store=stores.vault,
        families=stores.families,
        keys=VaultKeys(keys.vault_key_id, {keys.vault_key_id: keys.vault_key}),
        clock=clock,
        entropy=randomness.token_bytes,
        cache_age=_CACHE if settings.stores.postgres is None else _SHARED_CACHE,
    )
    mints = open_mints(settings, environ)
    for mint in mints.values():
        opened.push_async_callback(mint.aclose)
    if not mints:
        return Vaults(sealed, sealed, mints)
    living = MintingVault(
        sealed,
        mints=mints,
        sessions=sessions,
        families=stores.families,
        following=following,
        clock=clock,
        facts=facts,
        pause=asyncio.sleep,
    )
    return Vaults(sealed, living, mints)
