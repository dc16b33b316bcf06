"""`crossfade migrate`: the tables in PostgreSQL."""

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.configuration import config_option, load
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.stores.postgres_migrations import Migrations, SchemaState

_FINDINGS = 1


@click.group()
def migrate() -> None:
    """Make, look at and delete the gateway's tables in PostgreSQL.

    The embedded database needs none of this.
    """


@migrate.command(epilog="Example: crossfade migrate up")
@config_option
def up(config: Path) -> None:
    """Make the tables; does nothing where they are there.

    Touches no other table and waits for nobody longer than two seconds: safe while the application and gateways run.
    """
    migrations = _open(config)
    click.echo(_say(asyncio.run(migrations.up())))


@migrate.command(epilog="Example: crossfade migrate down --yes")
@click.option("--yes", is_flag=True, help="Do it although tokens are in use.")
@config_option
@click.pass_context
def down(ctx: click.Context, config: Path, *, yes: bool) -> None:
    """Delete the tables with all that is in them.

    Whoever holds tokens and no session cookie has to sign in again; without --yes nothing is done while there are such.
    Ends with 1 then.
    """
    migrations = _open(config)
    live = asyncio.run(migrations.count_live_families(time.time()))
    if live and not yes:
        holders = "1 family of tokens is" if live == 1 else f"{live} families of tokens are"
        click.echo(f"{holders} in use; nothing was deleted. Add --yes to end them.", err=True)
        ctx.exit(_FINDINGS)
    click.echo(_say(asyncio.run(migrations.down())))


@migrate.command(epilog="Example: crossfade migrate status")
@config_option
@click.pass_context
def status(ctx: click.Context, config: Path) -> None:
    """Say which version of the tables is there. Ends with 1 where this gateway cannot work with it."""
    state = asyncio.run(_open(config).state())
    click.echo(_say(state))
    ctx.exit(0 if state.is_usable else _FINDINGS)


@migrate.command(epilog="Example: crossfade migrate wait --timeout 60 && crossfade run")
@click.option(
    "--timeout", type=click.FloatRange(0, 86400), default=60.0, show_default=True, help="Seconds; then it ends with 69."
)
@config_option
def wait(config: Path, timeout: float) -> None:
    """Wait until the tables are there, for a gateway that starts beside its migration."""
    migrations = _open(config)
    asyncio.run(migrations.wait(timeout))
    click.echo(_say(asyncio.run(migrations.state())))


def _open(config: Path) -> "Migrations":
    from gateway.wiring.durable import open_migrations

    postgres = load(config).stores.postgres
    if postgres is None:
        raise ConfigurationError(
            "stores.postgres is not configured, so there is nothing to migrate: the embedded database keeps itself "
            "up to date."
        )
    return open_migrations(postgres, os.environ)


def _say(state: "SchemaState") -> str:
    from gateway.stores.postgres_migrations import VERSION

    if state.is_usable:
        return f"version {state.version}: this gateway can work with it"
    if not state.version:
        return f"no tables; version {VERSION} is needed: crossfade migrate up"
    return f"version {state.version}: this gateway needs version {VERSION}"
