"""The documented commands are those that there are."""

from pathlib import Path

from tests.cli.commands_page import write_commands_page

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text() == write_commands_page(), "run: python -m tests.cli.commands_page > docs/commands.md"
