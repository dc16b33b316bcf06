"""`crossfade keys`: the signing keys, which one signs, and what to do when one is stolen."""

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.admin import ask
from gateway.cli.configuration import config_option, find_admin, load
from gateway.errors import ConfigurationError, DependencyError
from gateway.keys.files import ALGORITHMS
from gateway.settings.faults import printable

_DASHED_THUMBPRINT = re.compile("-[A-Za-z0-9_-]{42}")

_reason = click.option("--reason", required=True, help="Why, for the audit trail.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")


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


@keys.command(name="list", epilog="Example: crossfade keys list")
@config_option
@_json
def list_(config: Path, *, as_json: bool) -> None:
    """Show every signing key with its state and times."""
    _show(ask(find_admin(config).socket, "GET", "/keys"), as_json=as_json)


@keys.command(epilog='Example: crossfade keys rotate --reason "somebody left the team"')
@click.option(
    "--emergency",
    "is_emergency",
    is_flag=True,
    help="Let it sign as soon as every gateway has it, and do not wait until everybody can have fetched it.",
)
@_reason
@config_option
@_json
def rotate(reason: str, config: Path, *, is_emergency: bool, as_json: bool) -> None:
    """Make the next signing key and publish it; it signs after the publish lead.

    The key of now verifies until its last token is over. Nobody is signed out.
    """
    order = {"reason": reason, "emergency": is_emergency}
    _show(ask(find_admin(config).socket, "POST", "/keys/rotate", order), as_json=as_json)


class _NamesKey(click.Command):
    """A command with a key id: one in sixty-four thumbprints (RFC 7638) begins like an option, and is none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what has the form of such a thumbprint for an argument."""
        named = [arg for arg in args if _DASHED_THUMBPRINT.fullmatch(arg)] if "--" not in args else []
        others = [arg for arg in args if arg not in named]
        return super().parse_args(ctx, [*others, "--", *named] if named else args)


@keys.command(cls=_NamesKey, epilog='Example: crossfade keys compromise KID --reason "the backup was stolen"')
@click.argument("kid")
@_reason
@config_option
@_json
def compromise(kid: str, reason: str, config: Path, *, as_json: bool) -> None:
    """Refuse every token that was signed with the key KID, on every gateway, within seconds.

    Another key signs at once. Whoever holds a refresh token or a session gets new tokens; nobody signs in again.
    """
    _show(ask(find_admin(config).socket, "POST", "/keys/compromise", {"kid": kid, "reason": reason}), as_json=as_json)


@keys.command(epilog="Example: crossfade keys jwks")
@config_option
def jwks(config: Path) -> None:
    """Print the public keys (RFC 7517) that tokens are checked with. Makes no key."""
    try:
        found = ask(find_admin(config).socket, "GET", "/keys")["jwks"]
    except DependencyError:
        found = _read_listed(config)
        click.echo("No gateway answers; these are the keys of the configuration alone.", err=True)
    click.echo(json.dumps(found, indent=2))


def _read_listed(config: Path) -> Mapping[str, object]:
    from gateway.keys.ring import KeyRing
    from gateway.wiring.keys import open_listed_keys
    from gateway.wiring.stores import beside

    settings = load(config)
    made = beside(settings.stores.embedded.file, "signing-key.pem")
    if not settings.keys and (settings.stores.postgres is not None or not made.exists()):
        raise ConfigurationError("There is no signing key yet: `crossfade run` makes one at its first start.")
    ring = KeyRing(open_listed_keys(settings, os.environ).keys)
    try:
        return ring.jwks()
    finally:
        ring.close()


def _show(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for key in answer["keys"]:
        click.echo(f"{printable(key['kid'])}  {key['algorithm']}  {_tell(key)}; from {printable(key['source'], 500)}")
    if answer["next_key_at"] is not None:
        click.echo(f"The next key will be made on {_date(answer['next_key_at'])}.")
    if answer["fault"]:
        click.echo(f"The newest keys are not in force: {printable(answer['fault'], 500)}", err=True)


def _tell(key: Mapping[str, Any]) -> str:
    match key["state"]:
        case "next":
            return f"next, published on {_date(key['published_at'])}, signs from {_date(key['signs_from'])}"
        case "active":
            return f"active, published on {_date(key['published_at'])}"
        case "compromised":
            return f"compromised, refused since {_date(key['compromised_at'])}"
        case state:
            return str(state)


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
