"""`crossfade completion`."""

import click
from click.shell_completion import get_completion_class


@click.command(epilog='Example: eval "$(crossfade completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete the commands."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "crossfade", "_CROSSFADE_COMPLETE").source())
