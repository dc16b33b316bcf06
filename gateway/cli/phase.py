"""`crossfade phase`: where the migration stands, and the ways forward and back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.admin import ask
from gateway.cli.configuration import config_option, find_admin
from gateway.model import Phase
from gateway.settings.faults import printable
from gateway.settings.values import read_percent


class _Percent(click.ParamType):  # type: ignore[type-arg]
    """A part of the users as in the configuration, such as 25%."""

    name = "percent"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return it as a number from 0 to 100."""
        try:
            return read_percent(value)
        except ValueError:
            self.fail(f"{value!r} is not a part of the users, such as 25%.", param, ctx)


PERCENT = _Percent()
_reason = click.option("--reason", required=True, help="Why, for the audit trail.")
_rollout = click.option("--rollout", type=PERCENT, help="Which part of the users is given tokens, such as 25%.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")


_BELOW = frozenset({"history", "unmet", "disagreements"})
_TIMES = frozenset({"since"})


@click.group()
def phase() -> None:
    """Show and change where the migration stands."""


@phase.command(epilog="Example: crossfade phase status")
@config_option
@_json
def status(config: Path, *, as_json: bool) -> None:
    """Show the phase in force, what decided it, and the newest changes."""
    _show(ask(find_admin(config).socket, "GET", "/phase"), as_json=as_json)


@phase.command(name="set", epilog='Example: crossfade phase set parallel --reason "the week begins"')
@click.argument("name", type=click.Choice([str(name) for name in Phase]))
@_reason
@_rollout
@config_option
@_json
def set_(name: str, reason: str, rollout: float | None, config: Path, *, as_json: bool) -> None:
    """Choose the phase NAME, whatever `advance` would say of it."""
    order = {"phase": name, "reason": reason} | ({} if rollout is None else {"rollout": rollout})
    _show(ask(find_admin(config).socket, "POST", "/phase", order), as_json=as_json)


@phase.command(epilog='Example: crossfade phase advance --reason "the week is over"')
@click.option("--rollout", type=PERCENT, help="Take in a larger part of the users instead, where some are left out.")
@click.option("--force", is_flag=True, help="Go on although criteria fail; the history tells of it.")
@_reason
@config_option
@_json
@click.pass_context
def advance(
    context: click.Context, reason: str, rollout: float | None, config: Path, *, force: bool, as_json: bool
) -> None:
    """Go one step further, unless criteria fail; then say which, and exit with 1."""
    order = {"reason": reason, "force": force} | ({} if rollout is None else {"rollout": rollout})
    answer = ask(find_admin(config).socket, "POST", "/phase/advance", order)
    _show(answer, as_json=as_json)
    if not answer.get("has_advanced"):
        context.exit(1)


@phase.command(epilog='Example: crossfade phase pause --reason "holidays"')
@_reason
@config_option
@_json
def pause(reason: str, config: Path, *, as_json: bool) -> None:
    """Keep the phase where it is: `advance` refuses until `resume`."""
    _show(ask(find_admin(config).socket, "POST", "/phase/pause", {"reason": reason, "paused": True}), as_json=as_json)


@phase.command(epilog='Example: crossfade phase resume --reason "the holidays are over"')
@_reason
@config_option
@_json
def resume(reason: str, config: Path, *, as_json: bool) -> None:
    """Let the phase go on after `pause`."""
    _show(ask(find_admin(config).socket, "POST", "/phase/pause", {"reason": reason, "paused": False}), as_json=as_json)


@phase.command(epilog="Example: crossfade phase rollback --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say who would be signed out.")
@click.option("--reason", default="", help="Why, for the audit trail; needed without --dry-run.")
@config_option
@_json
def rollback(reason: str, config: Path, *, dry_run: bool, as_json: bool) -> None:
    """Go back to the phase before this one."""
    if not dry_run and not reason.strip():
        raise click.UsageError("Missing option '--reason' (or --dry-run).")
    order = {"dry_run": dry_run, "reason": reason}
    _show(ask(find_admin(config).socket, "POST", "/phase/rollback", order), as_json=as_json)


@phase.command(epilog="Example: crossfade phase panic")
@click.option("--reason", default="panic", show_default=True, help="Why, for the audit trail.")
@config_option
@_json
def panic(reason: str, config: Path, *, as_json: bool) -> None:
    """Switch tokens off in the running gateway at once; needs no store and no good configuration."""
    _show(ask(find_admin(config).socket, "POST", "/phase/panic", {"reason": reason}), as_json=as_json)


def _show(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for key, value in answer.items():
        if key not in _BELOW and value != "":
            click.echo(f"{key.replace('_', ' ')}: {_time(value) if key in _TIMES else _plain(value)}")
    for row in answer.get("disagreements") or ():
        click.echo(f"disagreement: {printable(row['route'], 200)} {printable(row['cause'])}, {row['count']} times")
    for sentence in answer.get("unmet") or ():
        click.echo(f"not yet: {printable(sentence, 500)}")
    for change in answer.get("history") or ():
        who, why = printable(change["by"]), printable(change["reason"], 500)
        part = "" if change.get("rollout", 100) == 100 else f" {change['rollout']:g}%"
        paused = " (paused)" if change.get("is_paused") else ""
        click.echo(f"{_time(change['at'])}  {change['phase']}{part}{paused}  by {who}: {why}")


def _time(value: Any) -> str:
    return "not known" if value is None else f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else printable(str(value), 500)
