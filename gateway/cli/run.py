"""`crossfade run`."""

import os
from pathlib import Path

import click

from gateway.cli.configuration import config_option


@click.command(epilog="Example: crossfade run --config gateway.yaml")
@config_option
@click.pass_context
def run(ctx: click.Context, config: Path) -> None:
    """Serve until a signal ends it.

    With PostgreSQL one process for each processor serves (`workers`), and this one looks after them.

    With ENABLE_JWT_AUTH=false every request goes to the application unchanged, whatever else is broken.
    """
    from gateway.serve.process import run_gateway

    ctx.exit(run_gateway(str(config), environ=os.environ))
