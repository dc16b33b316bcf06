"""`${NAME}` in string values, after parsing."""

import re

import pytest

from gateway.settings.expand import expand, has_reference
from tests.settings.samples import MINIMAL, faults_of, settings_of

ENVIRON = {"HOST": "app", "EMPTY": "", "EVIL": "x\nlisten: 0.0.0.0:1", "MANY": "7"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("http://${HOST}:80", "http://app:80"),
        ("${HOST}${HOST}", "appapp"),
        ("${NOBODY:-fallback}", "fallback"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${NOBODY:-}", ""),
        ("${EMPTY}", ""),
        ("${HOST:?must be set}", "app"),
        ("$$${HOST}", "$app"),
        ("$${HOST}", "${HOST}"),
        ("costs 5$ or $HOST", "costs 5$ or $HOST"),
        ("${EVIL}", "x\nlisten: 0.0.0.0:1"),
    ],
)
def test_replaces_references(text: str, expanded: str) -> None:
    assert expand(text, ENVIRON) == expanded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NOBODY}", "the environment variable NOBODY is not set (${NOBODY:-default} gives it a default)"),
        ("${NOBODY:?say who}", "say who"),
        ("${EMPTY:?}", "the environment variable EMPTY is not set or empty"),
        ("${", "malformed reference; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar"),
        ("${1}", "malformed reference; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar"),
        ("${A:+b}", "malformed reference; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar"),
    ],
)
def test_refuses_what_has_no_value(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        expand(text, ENVIRON)


def test_text_without_references_is_left_alone() -> None:
    assert not has_reference("50$ and $HOST")


def test_a_variable_cannot_add_a_key() -> None:
    assert faults_of(MINIMAL + "tokens: { audience: '${EVIL}' }\n", ENVIRON) == []
    assert settings_of(MINIMAL + "tokens: { audience: '${EVIL}' }\n", ENVIRON).tokens.audience == ENVIRON["EVIL"]


def test_an_unquoted_reference_means_what_its_value_means() -> None:
    assert settings_of(MINIMAL + "limits:\n  fields: ${MANY}\n", ENVIRON).limits.fields == 7
    assert settings_of(MINIMAL + "limits:\n  fields: ${NOBODY:-9}\n", ENVIRON).limits.fields == 9


def test_a_quoted_reference_is_text() -> None:
    assert faults_of(MINIMAL + "limits:\n  fields: '${MANY}'\n", ENVIRON) == [
        'gateway.yaml:4:11: error: limits.fields: expected a whole number, got "${MANY}"'
    ]


def test_keys_are_never_expanded() -> None:
    assert faults_of(MINIMAL + "${HOST}: 1\n", ENVIRON)[0].startswith(
        "gateway.yaml:3:1: error: ${HOST}: unknown key (known here: listen,"
    )


def test_a_report_shows_the_reference_and_not_its_value() -> None:
    lines = faults_of(MINIMAL + "listen: ${PLACE}\n", {"PLACE": "8080"})
    assert lines == ['gateway.yaml:3:9: error: listen: expected an address like 127.0.0.1:8080, got "${PLACE}"']
