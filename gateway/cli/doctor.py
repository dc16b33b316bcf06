"""`crossfade doctor`."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli import issuer_checks, local_checks, network_checks, session_checks
from gateway.cli.configuration import config_option, load
from gateway.cli.outcome import Outcome, State, ok
from gateway.errors import DependencyError
from gateway.settings.schema import Settings

_MARKS: Mapping[State, str] = {State.OK: "ok  ", State.FINDING: "MEND", State.UNREACHABLE: "AWAY"}


@click.command(epilog="Example: crossfade doctor --config gateway.yaml")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
@click.pass_context
def doctor(ctx: click.Context, config: Path, *, as_json: bool) -> None:
    """Check what the gateway depends on.

    Looks at secrets, keys, files, the application, PostgreSQL, Redis and other issuers, and changes nothing. Ends with
    0, with 1 where something should be mended, with 69 where something cannot be reached, and with 78 where the
    configuration is faulty.
    """
    settings = load(config)
    outcomes: list[Outcome] = []
    for outcome in _examine(settings, os.environ, time.time()):
        outcomes.append(outcome)
        if not as_json:
            click.echo(f"{_MARKS[outcome.state]}  {outcome.what}: {outcome.sentence}")
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    states = {outcome.state for outcome in outcomes}
    if State.UNREACHABLE in states:
        ctx.exit(DependencyError.exit_code)
    ctx.exit(1 if State.FINDING in states else 0)


def _examine(settings: Settings, environ: Mapping[str, str], now: float) -> Iterator[Outcome]:
    yield ok("configuration", "it has no fault")
    metrics = network_checks.find_running(settings)
    yield from network_checks.check_running(settings, metrics)
    yield from local_checks.check_secrets(settings, environ)
    yield from local_checks.check_keys(settings, environ)
    yield from local_checks.check_database(settings, is_running=metrics is not None)
    yield from session_checks.check_places(settings, environ)
    yield from session_checks.check_mints(settings, environ)
    yield from session_checks.check_events(settings, environ)
    yield from network_checks.check_postgres(settings, environ)
    yield from network_checks.check_redis(settings, environ)
    yield from issuer_checks.check_issuers(settings)
    yield from network_checks.check_upstreams(settings, now)
