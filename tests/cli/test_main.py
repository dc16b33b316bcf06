"""The command line as a whole: help, errors as sentences, exit codes."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import click
import pytest

import gateway.cli
from gateway.cli.main import COMMANDS
from gateway.cli.main import main as group
from gateway.errors import DependencyError
from tests.cli.commands import ROOT, crossfade, start


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from leaves(inner, f"{path} {name}")
    else:
        yield path, command


@pytest.mark.parametrize(("path", "command"), list(leaves(group, "crossfade")), ids=str)
def test_every_command_explains_itself_with_one_example(path: str, command: click.Command) -> None:
    assert command.epilog is not None
    assert command.epilog.startswith("Example: ")
    assert path in command.epilog
    ended = crossfade(*path.split()[1:], "--help")
    assert (ended.code, command.epilog in " ".join(ended.out.split())) == (0, True)
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


def test_the_commands_are_listed_in_the_order_in_which_one_meets_them() -> None:
    listed = [line.split()[0] for line in crossfade("--help").out.partition("Commands:\n")[2].splitlines() if line]
    assert tuple(listed[: len(COMMANDS)]) == COMMANDS


def test_the_package_exposes_main_alone() -> None:
    assert gateway.cli.__all__ == ["main"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("validat",), "Error: No such command 'validat'. Did you mean validate?"),
        (("frobnicate",), "Error: No such command 'frobnicate'."),
        (("health", "lively"), "Error: Invalid value for '{live|ready}': 'lively' is not one of 'live', 'ready'."),
        (("phase", "set", "brownedout", "--reason", "x"), "'brownedout' is not one of 'off', 'handback', 'shadow', "),
        (("phase", "set", "off"), "Error: Missing option '--reason'."),
        (("--frob",), "Error: No such option"),
    ],
)
def test_a_wrong_word_is_a_matter_of_usage(words: tuple[str, ...], sentence: str) -> None:
    ended = crossfade(*words)
    assert (ended.code, sentence in " ".join(ended.err.split())) == (2, True), ended.err


def test_an_error_is_a_sentence_and_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise DependencyError("The moon cannot be reached.")

    monkeypatch.setattr(import_module("gateway.settings.json_schema"), "write_schema", fail)
    ended = crossfade("schema")
    assert (ended.code, ended.out, ended.err) == (69, "", "The moon cannot be reached.\n")


def test_a_fault_of_ours_shows_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise KeyError("hunter2")

    monkeypatch.setattr(import_module("gateway.settings.json_schema"), "write_schema", fail)
    ended = crossfade("schema", env={"CROSSFADE_DEBUG": None})
    assert ended.code == 1
    assert ended.err.startswith("A fault of Crossfade itself (KeyError in test_main.py:")
    assert "hunter2" not in ended.err
    assert "Traceback" not in ended.err


def test_a_fault_of_ours_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("gateway.settings.json_schema"), "write_schema", lambda: 1 / 0)
    ended = crossfade("schema", env={"CROSSFADE_DEBUG": "1"})
    assert (ended.code, ended.err) == (1, "")  # the exception went through


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = start("schema")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "gateway", "--help"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("Usage: crossfade ")


def test_says_its_version() -> None:
    ended = crossfade("version")
    assert ended.code == 0
    assert ended.out.startswith("crossfade ")
    assert f"(Python {sys.version.split()[0]})" in ended.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completes_in_a_shell(shell: str) -> None:
    ended = crossfade("completion", shell)
    assert ended.code == 0
    assert "_CROSSFADE_COMPLETE" in ended.out
