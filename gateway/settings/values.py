"""The kinds of values that a configuration is made of, each with one spelling.

A reader takes what the file says and returns the value or raises `PydanticCustomError`; where the meaning is plain
although the spelling is not, the error carries it as `hint`.
"""

import re
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, Strict, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.core.rates import Rate

_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(0|[1-9][0-9]{0,11})(ms|s|m|h|d)\Z")
_LOOSE_DURATION = re.compile(
    r"\s*([0-9]{1,9})\s*(?:(ms|milli[a-z]*)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hrs?|hours?)|(d|days?))?\s*\Z",
    re.IGNORECASE,
)
_LONGEST = 3650 * 86_400_000

_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"(0|[1-9][0-9]{0,11})(B|KiB|MiB|GiB)\Z")
_LOOSE_SIZE = re.compile(r"\s*([0-9]{1,9})\s*(?:([kmg])(?:i?b)?|b|bytes?)\s*\Z", re.IGNORECASE)
_LARGEST = 1 << 40

_NUMBER = re.compile(r"[1-9][0-9]{0,6}\Z")
_MOST_TIMES = 1_000_000
_LONGEST_PERIOD = 3600.0
_MOST_WORKERS = 256

_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.[0-9]{1,3})?%\Z")

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}\Z")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}\Z")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]{0,127}\Z")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}\Z")
_PATH = re.compile(r"/[\x21-\x7e]{0,1000}\Z")


def wrong(expected: str, hint: object = "", *, says: str = "") -> PydanticCustomError:
    """Make the error of a value that is not what was expected.

    `says` replaces the words "expected …" for what is no matter of spelling; the value is not shown then.
    """
    context = {"sentence": says or f"expected {expected}", "hint": str(hint), "shows": not says}
    return PydanticCustomError("expected", "{sentence}", context)


def read_duration(value: object) -> float:
    """Read `500ms`, `30s`, `5m`, `1h`, `7d` as seconds, at most ten years."""
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise wrong("a duration like 30s", _guess_duration(value))
    milliseconds = int(match[1]) * _MILLISECONDS[match[2]]
    if milliseconds > _LONGEST:
        raise wrong("a duration of at most 3650d")
    return milliseconds / 1000


def _guess_duration(value: object) -> str:
    match = None if isinstance(value, bool) else _LOOSE_DURATION.match(str(value))
    if match is None:
        return ""
    units = ("ms", "s", "m", "h", "d")
    unit = next((unit for unit, spelled in zip(units, match.groups()[1:], strict=True) if spelled), "s")
    return f"{int(match[1])}{unit}"


def write_duration(seconds: float) -> str:
    """Write seconds as `read_duration` reads them, with the largest unit that keeps a whole number."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        if milliseconds and milliseconds % _MILLISECONDS[unit] == 0:
            return f"{milliseconds // _MILLISECONDS[unit]}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def _read_positive_duration(value: object) -> float:
    seconds = read_duration(value)
    if seconds <= 0:
        raise wrong("a duration longer than zero")
    return seconds


def _read_workers(value: object) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_WORKERS:
        return value
    raise wrong(f"a number of processes from 1 to {_MOST_WORKERS}, or auto")


def read_size(value: object) -> int:
    """Read `64KiB`, `10MiB`, `1GiB` or a plain number of bytes, at most 1 TiB."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    match = _SIZE.match(value) if isinstance(value, str) else None
    if match is None:
        loose = _LOOSE_SIZE.match(value) if isinstance(value, str) else None
        unit = f"{loose[2].upper()}iB" if loose is not None and loose[2] else "B"
        raise wrong("a size like 64KiB", "" if loose is None else f"{int(loose[1])}{unit}")
    size = int(match[1]) * _BYTES[match[2]]
    if size > _LARGEST:
        raise wrong("a size of at most 1024GiB")
    return size


def write_size(size: int) -> str | int:
    """Write bytes as `read_size` reads them, with the largest unit that keeps a whole number."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return size


def read_rate(value: object) -> Rate | None:
    """Read `60/1m` as sixty times a minute, at most a million times an hour or less often; `off` as None."""
    if value == "off":
        return None
    count, slash, period = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slash or _NUMBER.match(count) is None or not 1 <= int(count) <= _MOST_TIMES:
        raise wrong("a rate like 60/1m, or off")
    seconds = read_duration(period)
    if not 1 <= seconds <= _LONGEST_PERIOD:
        raise wrong("a rate over 1s to 1h")
    return Rate(int(count), seconds)


def write_rate(rate: Rate | None) -> str:
    """Write a rate as `read_rate` reads it."""
    return "off" if rate is None else f"{rate.count}/{write_duration(rate.period)}"


def read_percent(value: object) -> float:
    """Read `25%` as 25.0; from 0% to 100%."""
    if not isinstance(value, str) or _PERCENT.match(value) is None or float(value[:-1]) > 100:
        plain = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
        raise wrong("a percentage like 25%", f"{value}%" if plain else "")
    return float(value[:-1])


def read_moment(value: object) -> float:
    """Read `2026-12-01T10:00:00Z` as seconds since 1970; the zone must be said."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise wrong("a time with its zone, like 2026-12-01T10:00:00Z")
    return moment.timestamp()


def write_moment(seconds: float) -> str:
    """Write seconds since 1970 as `read_moment` reads them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def read_network(value: object) -> str:
    """Read `10.0.0.0/8`, a single address, or the word `private` (RFC 1918 and RFC 4193)."""
    if value == "private":
        return "private"
    try:
        return str(ip_network(value if isinstance(value, str) else ""))
    except ValueError:
        raise wrong("a network like 10.0.0.0/8, an address, or the word private", _guess_network(value)) from None


def _guess_network(value: object) -> str:
    try:
        return str(ip_network(value if isinstance(value, str) else "", strict=False))
    except ValueError:
        return ""


def read_path(value: object) -> str:
    """Read a path on the site: it begins with one slash and has no space, query or fragment."""
    if not isinstance(value, str) or _PATH.match(value) is None or value.startswith("//") or set(value) & set("?#\\"):
        raise wrong("a path like /login/")
    return value


def read_file(value: object, info: ValidationInfo) -> Path:
    """Read a file name. A relative one is meant from the directory of the configuration file."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise wrong("a file name")
    directory = (info.context or {}).get("directory")
    return Path(value) if directory is None else Path(directory) / value


def _named(pattern: re.Pattern[str], expected: str) -> PlainValidator:
    def read(value: object) -> str:
        if not isinstance(value, str) or pattern.match(value) is None:
            raise wrong(expected)
        return value

    return PlainValidator(read)


def _schema(kind: str = "string", **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


_DURATION_SCHEMA = _schema(pattern="^(0|[1-9][0-9]*)(ms|s|m|h|d)$", examples=["500ms", "30s", "5m", "1h", "7d"])
_AS_TEXT = PlainSerializer(str, return_type=str, when_used="json")

Duration = Annotated[
    float,
    PlainValidator(_read_positive_duration),
    PlainSerializer(write_duration, return_type=str, when_used="json"),
    _DURATION_SCHEMA,
]
"""Seconds, more than zero."""

DurationOrZero = Annotated[
    float,
    PlainValidator(read_duration),
    PlainSerializer(write_duration, return_type=str, when_used="json"),
    _DURATION_SCHEMA,
]
"""Seconds, zero allowed."""

Size = Annotated[
    int,
    PlainValidator(read_size),
    PlainSerializer(write_size, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$", "examples": ["64KiB", "1GiB"]},
            ]
        }
    ),
]
"""Bytes."""

RateOrOff = Annotated[
    Rate | None,
    PlainValidator(read_rate),
    PlainSerializer(write_rate, return_type=str, when_used="json"),
    _schema(pattern="^([1-9][0-9]*/[1-9][0-9]*(ms|s|m|h)|off)$", examples=["60/1m", "off"]),
]
"""So many times in so many seconds; None where it is switched off."""

Percent = Annotated[
    float,
    PlainValidator(read_percent),
    PlainSerializer(lambda percent: f"{percent:g}%", return_type=str, when_used="json"),
    _schema(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?%$", examples=["25%", "100%"]),
]
"""From 0.0 to 100.0."""

Moment = Annotated[
    float,
    PlainValidator(read_moment),
    PlainSerializer(write_moment, return_type=str, when_used="json"),
    _schema(pattern="T", examples=["2026-12-01T10:00:00Z"]),
]
"""Seconds since 1970."""

Network = Annotated[str, PlainValidator(read_network), _schema(examples=["10.0.0.0/8", "private"])]
SitePath = Annotated[str, PlainValidator(read_path), _schema(pattern="^/", examples=["/login/"])]
File = Annotated[Path, PlainValidator(read_file), _AS_TEXT, _schema(minLength=1)]
CookieName = Annotated[str, _named(_TOKEN, "the name of a cookie"), _schema(minLength=1)]
FieldName = Annotated[str, _named(_TOKEN, "the name of a header field"), _schema(minLength=1)]
Name = Annotated[
    str,
    _named(_WORD, "a short name of letters, digits, `-`, `_` and `.`"),
    _schema(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$"),
]
ColumnName = Annotated[str, _named(_COLUMN, "the name of a table or column"), _schema(minLength=1)]
Variable = Annotated[
    str, _named(_VARIABLE, "the name of an environment variable"), _schema(pattern="^[A-Za-z_][A-Za-z0-9_]*$")
]
Digest = Annotated[str, _named(_DIGEST, "64 hexadecimal digits"), _schema(pattern="^[0-9a-fA-F]{64}$")]
"""SHA-256 in hexadecimal."""
Text = Annotated[str, Strict(), Field(min_length=1, max_length=1000)]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=1, le=1_000_000)]
Workers = Annotated[
    int | Literal["auto"],
    PlainValidator(_read_workers),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 256}, {"const": "auto"}]}),
]
"""A number of processes, or `auto`."""
