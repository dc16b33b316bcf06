"""`crossfade session`."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from gateway.cli.configuration import config_option, load
from gateway.errors import ConfigurationError
from gateway.settings.schema import Settings

_LARGEST = 64 * 1024


@click.group()
def session() -> None:
    """Legacy sessions."""


@session.command(epilog="Example: pbpaste | crossfade session explain --cookie -")
@click.option("--cookie", type=click.Choice(["-"]), required=True, help="`-`: the Cookie header is on standard input.")
@click.option("--name", help="Only the session of this name.")
@config_option
def explain(cookie: str, name: str | None, config: Path) -> None:
    """Say step by step whose session a Cookie header is, or why nobody's.

    The header is read from standard input, so that it stands in no process list. Nothing is connected to but the place
    of the session; no cookie and no secret is printed.
    """
    settings = load(config)
    header = sys.stdin.buffer.read(_LARGEST + 1).strip()
    if len(header) > _LARGEST:
        raise click.UsageError("The Cookie header is larger than 64 KiB.")
    if header[:7].lower() == b"cookie:":
        header = header[7:].strip()
    for title, steps in asyncio.run(_explain(settings, header, name)):
        click.echo(title)
        for step in steps:
            click.echo(f"  {step}")


async def _explain(settings: Settings, header: bytes, name: str | None) -> list[tuple[str, Sequence[str]]]:
    from gateway.stores.sessions_explain import explain
    from gateway.wiring.policies import site_of, upstreams_of
    from gateway.wiring.sessions import open_session

    chosen = [one for one in settings.sessions if name in {None, one.name}]
    if not chosen:
        known = ", ".join(one.name for one in settings.sessions) or "none"
        raise ConfigurationError(f"No session of that name is configured; there is {known}.")
    told: list[tuple[str, Sequence[str]]] = []
    upstreams = upstreams_of(settings.upstreams)
    for one in chosen:
        site = site_of(one, settings.default_upstream)
        store = open_session(one, settings, os.environ, upstreams)
        told.append((f"{one.name} ({one.format})", await explain(header or None, site, store, time.time())))
    return told
