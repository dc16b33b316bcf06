"""`crossfade validate`."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from gateway.cli.configuration import DEFAULT
from gateway.errors import ConfigurationError
from gateway.settings.faults import ConfigurationFaults, Fault, write_github, write_json
from gateway.settings.load import load_settings

_WRITERS: Mapping[str, Callable[[Sequence[Fault]], str]] = {
    "text": lambda faults: "\n".join(map(str, faults)),
    "json": write_json,
    "github": write_github,
}


@click.command(epilog="Example: crossfade validate gateway.yaml --format github")
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT, envvar="CROSSFADE_CONFIG")
@click.option(
    "--format", "style", type=click.Choice(list(_WRITERS)), default="text", show_default=True, help="For whom."
)
@click.pass_context
def validate(ctx: click.Context, file: Path, style: str) -> None:
    """Name all faults of a configuration.

    FILE is gateway.yaml where nothing else is said; `-` reads standard input. Ends with 0, or with 78 where there is a
    fault. Secrets are not read; `doctor` does that.
    """
    faults = _find_faults(file)
    report = _WRITERS[style](faults)
    if report:
        click.echo(report)
    if not faults:
        click.echo(f"{file}: ok", err=True)
        return
    click.echo(f"{file}: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}", err=True)
    ctx.exit(ConfigurationError.exit_code)


def _find_faults(file: Path) -> Sequence[Fault]:
    try:
        load_settings(file, os.environ)
    except ConfigurationFaults as error:
        return error.faults
    except ConfigurationError as error:
        return [Fault(str(file), 0, 0, "", str(error).removeprefix(f"{file}: "))]
    return []
