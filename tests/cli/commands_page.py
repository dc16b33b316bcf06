"""Writes docs/commands.md from the commands themselves: `python -m tests.cli.commands_page > docs/commands.md`."""

from collections.abc import Iterator

import click

from gateway.cli.main import main

_OPENING = """\
# Commands

Every command ends with 0 when all is well, 1 when it found something, 2 when it was used wrongly, 78 when the
configuration is faulty, 69 when something cannot be reached, and 3 when connections had to be cut at the end. What
changes state or shows users goes over the socket of the running gateway (`admin.socket`). This page is made from the
commands' own help.
"""


def write_commands_page() -> str:
    """Return the page."""
    top = click.Context(main, info_name="crossfade")
    return "\n".join([_OPENING, *_sections(top)]).rstrip() + "\n"


def _sections(context: click.Context) -> Iterator[str]:
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _sections(inner)
        else:
            yield _section(inner)


def _section(context: click.Context) -> str:
    command = context.command
    paragraphs = [" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")]
    options = [row for parameter in command.get_params(context) if (row := _row_of(parameter, context))]
    arguments = [each.make_metavar(context) for each in command.get_params(context) if isinstance(each, click.Argument)]
    parts = [f"## {' '.join([context.command_path, *arguments])}", *paragraphs]
    if options:
        parts.append("\n".join(["| | |", "|---|---|", *options]))
    if command.epilog:
        parts.append(f"`{command.epilog.removeprefix('Example: ')}`")
    return "\n\n".join(parts) + "\n"


def _row_of(parameter: click.Parameter, context: click.Context) -> str:
    if isinstance(parameter, click.Argument):
        return ""
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts:
        return ""
    names, text = (part.replace("|", "\\|") for part in record)
    return f"| `{names}` | {' '.join(text.split())} |"


if __name__ == "__main__":
    click.echo(write_commands_page(), nl=False)
