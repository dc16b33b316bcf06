"""What is told about a faulty file: each row is a text and all the lines about it, in the order of the file."""

import json

import pytest

from gateway.settings.faults import ConfigurationFaults, Fault, printable, write_github, write_json, write_path
from tests.settings.samples import MINIMAL, Row, faults_of, golden_rows

NOT_YAML = "gateway.yaml:1:1: error: the file holds a character or an escape that YAML does not allow"
ROWS = [
    *golden_rows("faults.txt"),
    Row("a character that YAML has not", "\0", [NOT_YAML]),
    Row("an escape that does not exist", 'listen: "\\UFFFFFFFF"', [NOT_YAML]),
    Row(
        "long text",
        MINIMAL + f"tokens: {{ audience: {'a' * 1001} }}",
        [f'gateway.yaml:3:21: error: tokens.audience: expected at most 1000 characters, got "{"a" * 59}…"'],
    ),
    Row(
        "too long a list",
        MINIMAL + f"trusted_proxies: [{'private, ' * 101}]",
        ["gateway.yaml:3:1: error: trusted_proxies: expected at most 100 entries"],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_each_fault_is_told_with_its_place(row: Row) -> None:
    assert faults_of(row.text) == row.lines


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_no_report_shows_what_may_be_a_secret(row: Row) -> None:
    assert "hunter" not in "\n".join(faults_of(row.text))


def test_a_section_that_cannot_be_read_is_not_called_missing() -> None:
    assert faults_of("public_url: 'x\nupstreams: { app: { url: http://x } }\n") == [
        "gateway.yaml:1:13: error: a quote is not closed"
    ]


def test_what_a_misspelt_section_would_have_said_is_not_missed_elsewhere() -> None:
    text = MINIMAL + "listen: 0.0.0.0:80\nstore: { embedded: { single_instance: true } }\n"
    assert faults_of(text) == ["gateway.yaml:4:1: error: store: unknown key (did you mean stores?)"]


def test_a_mark_at_the_beginning_of_the_file_is_no_fault() -> None:
    assert faults_of("\ufeff" + MINIMAL) == []


def test_depth_and_number_of_values_are_bounded() -> None:
    assert faults_of("a: " + "[" * 30)[-1] == "gateway.yaml:1:27: error: nested more than 24 levels deep"
    many = faults_of("a: [" + "1, " * 30_000 + "]")
    assert many[-1] == "gateway.yaml:1:59996: error: more than 20,000 values; a configuration is smaller"


FAULTS = (Fault("gateway.yaml", 2, 3, "a.b", "is 100%\nwrong, or: not"), Fault("gateway.yaml", 0, 0, "", "is away"))


def test_faults_for_programs() -> None:
    document = json.loads(write_json(FAULTS))
    assert document["ok"] is False
    assert document["faults"][0] == {
        "file": "gateway.yaml", "line": 2, "column": 3, "path": "a.b", "message": "is 100%\nwrong, or: not"
    }  # fmt: skip
    assert json.loads(write_json([])) == {"ok": True, "faults": []}


def test_faults_for_pull_requests() -> None:
    assert write_github(FAULTS).split("\n") == [
        "::error file=gateway.yaml,line=2,col=3::a.b: is 100%25%0Awrong, or: not",
        "::error file=gateway.yaml,line=1,col=1::is away",
    ]
    assert write_github([Fault("C:\\a,b", 1, 1, "", "x")]) == "::error file=C%3A\\a%2Cb,line=1,col=1::x"


def test_the_error_is_the_whole_report() -> None:
    error = ConfigurationFaults([*FAULTS, FAULTS[1]])
    assert error.exit_code == 78
    assert str(error) == "gateway.yaml: error: is away\ngateway.yaml:2:3: error: a.b: is 100%\nwrong, or: not"


def test_paths_and_texts_are_printable() -> None:
    assert write_path(("routes", 2, "path")) == "routes[2].path"
    assert printable("a\x1b[2J\u202e\n") == "a\\x1b[2J\\u202e\\n"
    assert printable("x" * 100) == "x" * 59 + "…"
