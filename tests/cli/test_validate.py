"""`crossfade validate` and `crossfade schema`."""

import json
from pathlib import Path

import pytest

from gateway.settings.json_schema import write_schema
from tests.cli.commands import MINIMAL, crossfade


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "gateway.yaml"


def test_a_good_file_is_ok(config: Path) -> None:
    config.write_text(MINIMAL)
    ended = crossfade("validate")
    assert (ended.code, ended.out, ended.err) == (0, "", "gateway.yaml: ok\n")


FAULTY = MINIMAL + "listen: 8080\nlisen: 1\n"


def test_faults_are_lines_for_people_and_editors(config: Path) -> None:
    config.write_text(FAULTY)
    ended = crossfade("validate")
    assert (ended.code, ended.err) == (78, "gateway.yaml: 2 faults\n")
    assert ended.out == (
        "gateway.yaml:3:9: error: listen: expected an address like 127.0.0.1:8080, got 8080"
        " (did you mean 127.0.0.1:8080?)\n"
        "gateway.yaml:4:1: error: lisen: unknown key (did you mean listen?)\n"
    )


def test_faults_are_json_for_programs(config: Path) -> None:
    config.write_text(FAULTY)
    ended = crossfade("validate", "gateway.yaml", "--format", "json")
    assert ended.code == 78
    document = json.loads(ended.out)
    assert [(fault["line"], fault["path"]) for fault in document["faults"]] == [(3, "listen"), (4, "lisen")]
    config.write_text(MINIMAL)
    assert json.loads(crossfade("validate", "--format", "json").out) == {"ok": True, "faults": []}


def test_faults_are_commands_for_github(config: Path) -> None:
    config.write_text(MINIMAL + "lisen: 1\n")
    ended = crossfade("validate", "--format", "github")
    assert ended.out == "::error file=gateway.yaml,line=3,col=1::lisen: unknown key (did you mean listen?)\n"
    assert ended.err == "gateway.yaml: 1 fault\n"


def test_standard_input_is_a_file_too() -> None:
    ended = crossfade("validate", "-", stdin=MINIMAL + "lisen: 1\n")
    assert (ended.code, ended.out) == (78, "-:3:1: error: lisen: unknown key (did you mean listen?)\n")


@pytest.mark.parametrize(
    ("style", "out"),
    [
        ("text", "nowhere.yaml: error: there is no such file; `crossfade init --upstream URL` writes one.\n"),
        (
            "github",
            "::error file=nowhere.yaml,line=1,col=1::there is no such file; "
            "`crossfade init --upstream URL` writes one.\n",
        ),
    ],
)
def test_a_file_that_is_not_there_is_a_fault(config: Path, style: str, out: str) -> None:
    ended = crossfade("validate", "nowhere.yaml", "--format", style)
    assert (ended.code, ended.out) == (78, out)


def test_the_environment_names_the_file(config: Path) -> None:
    (config.parent / "other.yaml").write_text(MINIMAL)
    assert crossfade("validate", env={"CROSSFADE_CONFIG": "other.yaml"}).err == "other.yaml: ok\n"


def test_variables_come_from_the_environment_and_are_not_shown(config: Path) -> None:
    config.write_text(MINIMAL + "listen: ${WHERE}\n")
    assert crossfade("validate", env={"WHERE": "127.0.0.1:1"}).code == 0
    ended = crossfade("validate", env={"WHERE": "hunter2"})
    assert ended.code == 78
    assert "hunter2" not in ended.out + ended.err


def test_the_schema_is_printed_or_written(config: Path) -> None:
    assert crossfade("schema").out == write_schema()
    assert crossfade("schema", "--output", config).code == 0
    assert config.read_text() == write_schema()
    ended = crossfade("schema", "--output", config.parent / "no" / "folder")
    assert (ended.code, ended.err.endswith("the schema cannot be written: No such file or directory.\n")) == (78, True)
