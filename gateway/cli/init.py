"""`crossfade init`."""

from collections.abc import Callable
from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from gateway.cli.configuration import DEFAULT
from gateway.errors import ConfigurationError
from gateway.settings.addresses import Origin, read_origin
from gateway.settings.values import read_path


class Spelled(click.ParamType):  # type: ignore[type-arg]
    """A value that is spelled as in the configuration file."""

    def __init__(self, name: str, read: Callable[[object], object]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Read it, or say what was expected."""
        try:
            return self._read(value)
        except PydanticCustomError as error:
            hint = (error.context or {}).get("hint")
            self.fail(error.message() + (f" (did you mean {hint}?)" if hint else ""), param, ctx)


@click.command(epilog="Example: crossfade init --upstream http://127.0.0.1:8000")
@click.option("--upstream", type=Spelled("url", read_origin), required=True, help="Where the application listens.")
@click.option("--login", type=Spelled("path", read_path), help="The path of its login page, if it is an unusual one.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, help="Where to.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
def init(upstream: Origin, login: str | None, output: Path, *, force: bool) -> None:
    """Write a configuration for an application.

    Asks it for its front page and its login page, as a browser without cookies would, and guesses the framework.
    """
    from gateway.cli.guess import guess_framework
    from gateway.cli.template import write_configuration
    from gateway.cli.visit import visit

    if output.exists() and not force:
        raise ConfigurationError(f"{output} exists and is not replaced; choose another --output, or use --force.")
    seen = visit(upstream, login_path=login or "")
    guess = guess_framework(seen.cookies)
    try:
        output.write_text(write_configuration(upstream, guess, seen.login_path), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output}: the file cannot be written: {error.strerror}.") from None
    if guess is None:
        click.echo(f"{output} is written. No cookie told which framework it is: look at the lines marked CHECK.")
    else:
        click.echo(f"{output} is written for {guess.framework}. Look at the lines marked CHECK.")
