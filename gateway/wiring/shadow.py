"""What compares both worlds in the phase `shadow`."""

import secrets as randomness
from collections.abc import Callable, Mapping

from gateway.core.phases import Posture
from gateway.flow.access import AccessTokens
from gateway.flow.shadow import Shadow, Trial
from gateway.ports import Facts, KeySource, SessionStore
from gateway.settings.schema.root import Settings
from gateway.wire.policy import UpstreamPolicy
from gateway.wiring.policies import sites_of, token_policy_of
from gateway.wiring.sessions import find_whoami
from gateway.wiring.stores import Stores


def open_shadow(
    settings: Settings,
    posture: Callable[[], Posture],
    sessions: Mapping[str, SessionStore],
    upstreams: Mapping[str, UpstreamPolicy],
    stores: Stores,
    keys: KeySource,
    facts: Facts,
) -> Shadow:
    """Put it together. The application is asked where `sessions[].whoami` says how, beside what is read."""
    policy = token_policy_of(settings)
    access = AccessTokens(
        policy=policy, keys=keys, log=stores.log, revocation=stores.revocation, entropy=randomness.token_bytes
    )
    asked = {session.name: find_whoami(session, settings, upstreams) for session in settings.sessions}
    return Shadow(
        posture=posture,
        sites=sites_of(settings),
        sessions=sessions,
        theirs={name: store for name, store in asked.items() if store is not None},
        trial=Trial(policy, access),
        facts=facts,
    )
