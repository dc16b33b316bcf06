"""`crossfade keys`."""

import os
from pathlib import Path

import click

from gateway.cli.configuration import config_option, load
from gateway.errors import ConfigurationError
from gateway.keys.files import ALGORITHMS


@click.group()
def keys() -> None:
    """Signing keys."""


@keys.command(epilog="Example: crossfade keys generate --alg ES256 --output run/signing-2026-11.pem")
@click.option(
    "--alg", type=click.Choice(ALGORITHMS), default="RS256", show_default=True, help="What it will sign with."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there (0600) instead of printing it.")
def generate(alg: str, output: Path | None) -> None:
    """Make a private signing key (PEM). A file that exists is never replaced."""
    from gateway.keys.generated import generate_pem
    from gateway.keys.private_files import create_private_file

    pem = generate_pem(alg)
    if output is None:
        click.echo(pem.decode(), nl=False)
        return
    try:
        create_private_file(output, pem, "signing key")
    except FileExistsError:
        raise ConfigurationError(f"{output} exists and is not replaced; choose another name.") from None
    click.echo(f"{output} is made. Name it in the configuration: keys: [{{ file: {output} }}]", err=True)


@keys.command(epilog="Example: crossfade keys jwks")
@config_option
def jwks(config: Path) -> None:
    """Print the public keys (RFC 7517) that tokens are checked with. Makes no key."""
    import json

    from gateway.keys.ring import KeyRing
    from gateway.wiring.stores import beside, load_ring

    settings = load(config)
    made = beside(settings.stores.embedded.file, "signing-key.pem")
    if not settings.keys and not made.exists():
        raise ConfigurationError("There is no signing key yet: `crossfade run` makes one at its first start.")
    ring = KeyRing(load_ring(settings, os.environ))
    click.echo(json.dumps(ring.jwks(), indent=2))
    ring.close()
