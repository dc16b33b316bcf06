"""`${NAME}` in string values, replaced after parsing, so that a variable can never add a key or a line."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}|(?P<open>\{))"
)


def has_reference(text: str) -> bool:
    """Whether `expand` would change the text or refuse it."""
    return "${" in text or "$$" in text


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; `$$` is a dollar sign.

    As in a shell, `:-` and `:?` take an empty variable for one that is not set. A lone `$` stands for itself.

    Raises:
        ValueError: a variable is not set, or a reference is malformed; the message never holds a variable's value.
    """
    return _REFERENCE.sub(lambda match: _replace(match, environ), text)


def _replace(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    if match["open"]:
        raise ValueError(
            "malformed reference; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar"
        )
    name, value = match["name"], environ.get(match["name"])
    if match["how"] == ":-":
        return value or match["rest"]
    if match["how"] == ":?" and not value:
        raise ValueError(match["rest"] or f"the environment variable {name} is not set or empty")
    if value is None:
        raise ValueError(f"the environment variable {name} is not set (${{{name}:-default}} gives it a default)")
    return value
