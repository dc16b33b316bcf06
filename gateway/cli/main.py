"""`crossfade`: the list of commands, and the one place where an error becomes a sentence and an exit code."""

import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from gateway.errors import StartError

COMMANDS = (
    "run",
    "demo",
    "init",
    "validate",
    "schema",
    "doctor",
    "migrate",
    "phase",
    "revoke",
    "session",
    "keys",
    "health",
    "version",
    "completion",
)
"""In the order in which somebody meets them. Each is a file of this folder with a function of the same name."""


class Commands(click.Group):
    """Imports a command when it is used, so that `health` does not wait for what only `run` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in our order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"gateway.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        from gateway.settings.explain import closest

        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            meant = closest(name, COMMANDS)
            ctx.fail(f"No such command '{name}'." + (f" Did you mean {meant}?" if meant else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a failure becomes one sentence and its exit code."""
        try:
            return super().invoke(ctx)
        except StartError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # Whoever read our output has seen enough. What is still buffered must not fail at the end of the process.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except Exception as error:
            if os.environ.get("CROSSFADE_DEBUG"):
                raise
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {frame.filename.rpartition('/')[2]}:{frame.lineno}"
            click.echo(
                f"A fault of Crossfade itself ({where}); CROSSFADE_DEBUG=1 shows more. Please report it.", err=True
            )
            ctx.exit(1)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: crossfade init --upstream http://127.0.0.1:8000 && crossfade run",
)
def main() -> None:
    """Crossfade moves the users of a session-cookie application to JWTs without changing a line of it."""
