"""`crossfade version`."""

import platform

import click


@click.command(epilog="Example: crossfade version")
def version() -> None:
    """Print the version."""
    from gateway.wiring.version import find_version

    click.echo(f"crossfade {find_version()} (Python {platform.python_version()})")
