"""`crossfade session`."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from gateway.cli.admin import ask
from gateway.cli.configuration import config_option, find_admin, load
from gateway.errors import ConfigurationError, DependencyError
from gateway.settings.faults import printable
from gateway.settings.schema import Settings

_LARGEST = 64 * 1024
_LONGEST_LINE = 1000


@click.group()
def session() -> None:
    """Legacy sessions and their tokens."""


@session.command(epilog="Example: crossfade session explain --subject 42")
@click.option("--cookie", type=click.Choice(["-"]), help="`-`: the Cookie header is on standard input.")
@click.option("--name", help="With --cookie: only the session of this name.")
@click.option("--subject", default="", help="The tokens of this user, and what happened to them.")
@click.option("--sid", default="", help="The same for one set of tokens, by the claim `sid`.")
@config_option
def explain(cookie: str | None, name: str | None, subject: str, sid: str, config: Path) -> None:
    """Say step by step whose session a Cookie header is, or what happened to the tokens of a user.

    The header is read from standard input, so that it stands in no process list. Nothing is connected to but the place
    of the session. About tokens the running gateway is asked, or the database where none runs. No cookie, no token and
    no secret is printed.
    """
    if [bool(cookie), bool(subject), bool(sid)].count(True) != 1:
        raise click.UsageError("Give one of --cookie -, --subject and --sid.")
    if cookie is None:
        for line in _history(config, subject, sid):
            click.echo(printable(line, _LONGEST_LINE))
        return
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


def _history(config: Path, subject: str, sid: str) -> Sequence[str]:
    order = {"subject": subject, "sid": sid}
    try:
        answer = ask(find_admin(config).socket, "POST", "/sessions/explain", order)
    except DependencyError:
        return asyncio.run(_read_history(load(config), subject, sid))
    return [str(line) for line in answer.get("lines", ())]


async def _read_history(settings: Settings, subject: str, sid: str) -> Sequence[str]:
    """Ask the database itself. An embedded one that is not there is not made."""
    from gateway.flow.history import explain
    from gateway.wiring.durable import open_embedded, open_postgres

    postgres, embedded = settings.stores.postgres, settings.stores.embedded
    if postgres is None and not embedded.file.exists():
        raise DependencyError(f"No gateway answers, and there is no database at {embedded.file}.")
    durable = open_embedded(embedded) if postgres is None else open_postgres(postgres, os.environ)
    try:
        await durable.start()
        return await explain(durable.history, subject=subject, family_id=sid, now=time.time())
    finally:
        await durable.aclose()


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
