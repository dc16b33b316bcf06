"""`crossfade revoke`: an access token, a family, a subject or everything, before they expire."""

import json
from pathlib import Path

import click

from gateway.cli.admin import ask
from gateway.cli.configuration import config_option, find_admin
from gateway.model import RevocationKind

_LONGEST = 600.0
"""Seconds; ending every family of a large site takes minutes."""


@click.command(epilog='Example: crossfade revoke --subject 42 --reason "laptop stolen"')
@click.option("--jti", help="One access token, by its claim jti.")
@click.option("--sid", help="One family: what descends from one exchange, by the claim sid.")
@click.option("--subject", help="Everything of one user. Sessions from before its next login yield no tokens any more.")
@click.option("--all", "everything", is_flag=True, help="Everything of everybody, likewise.")
@click.option("--reason", default="", help="Why, for the audit trail; needed without --dry-run.")
@click.option("--dry-run", is_flag=True, help="Only say how many families would end.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@config_option
def revoke(
    jti: str | None,
    sid: str | None,
    subject: str | None,
    reason: str,
    config: Path,
    *,
    everything: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Revoke tokens in the running gateway; it is acknowledged when it is durable.

    The sessions of the application go on: end them there.
    """
    named = {RevocationKind.TOKEN: jti, RevocationKind.FAMILY: sid, RevocationKind.SUBJECT: subject}
    chosen = [(kind, name) for kind, name in named.items() if name is not None]
    if everything:
        chosen.append((RevocationKind.EVERYTHING, ""))
    if len(chosen) != 1:
        raise click.UsageError("Say one of --jti, --sid, --subject and --all.")
    if not dry_run and not reason.strip():
        raise click.UsageError("Missing option '--reason' (or --dry-run).")
    ((kind, name),) = chosen
    order = {"kind": kind, "name": name, "reason": reason, "dry_run": dry_run}
    answer = ask(find_admin(config).socket, "POST", "/revoke", order, patience=_LONGEST)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        count = answer["families"]
        families = "1 family" if count == 1 else f"{count} families"
        click.echo(f"{families} would end" if dry_run else f"revoked; {families} ended")
