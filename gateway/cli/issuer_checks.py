"""The check of `doctor` that fetches the keys of other issuers, as the gateway does."""

import asyncio
from collections.abc import Iterator, Mapping

from gateway.cli.outcome import Outcome, finding, ok, unreachable
from gateway.errors import ConfigurationError
from gateway.facts import Nothing
from gateway.settings.schema import Settings
from gateway.wiring.clock import SystemClock
from gateway.wiring.remote import open_issuers

_PATIENCE = 6.0


def check_issuers(settings: Settings) -> Iterator[Outcome]:
    """Each issuer gives keys that can be used."""
    if not settings.issuers:
        return
    try:
        faults = asyncio.run(_fetch(settings))
    except ConfigurationError as error:
        yield finding("issuers", str(error))
        return
    for issuer in settings.issuers:
        what, fault = f"issuers.{issuer.alias}", faults[issuer.issuer]
        if fault:
            yield unreachable(what, f"no usable keys from {issuer.jwks_url} ({fault}). Correct issuers.jwks_url.")
        else:
            yield ok(what, "its keys can be used")


async def _fetch(settings: Settings) -> Mapping[str, str]:
    """Return why the keys of each issuer, by its `iss`, cannot be used; empty where they can."""
    issuers = open_issuers(settings, SystemClock(), Nothing())
    try:
        await issuers.start(_PATIENCE)
        return {name: issuer.fault for name, issuer in issuers.issuers.items()}
    finally:
        await issuers.aclose()
