"""`crossfade schema`."""

from pathlib import Path

import click

from gateway.errors import ConfigurationError


@click.command(epilog="Example: crossfade schema --output config/gateway.schema.json")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there instead of printing it.")
def schema(output: Path | None) -> None:
    """Print the JSON Schema of the configuration.

    Editors complete and check the file with it.
    """
    from gateway.settings.json_schema import write_schema

    if output is None:
        click.echo(write_schema(), nl=False)
        return
    try:
        output.write_text(write_schema(), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output}: the schema cannot be written: {error.strerror}.") from None
