"""The template of a session: what is filled in, and what is refused before anybody asks for one."""

from collections.abc import Mapping

import pytest

from gateway.codec import unpack
from gateway.formats.django import find_signed, read_base62, signed, write_base62
from gateway.formats.minting import Draft, MintRefused, Template, find_fault, names_in
from gateway.formats.written import key_of, packed


def draft(**changes: object) -> Draft:
    values: Mapping[str, object] = {
        "subject": "42",
        "claims": {"roles": ["staff"], "none": None},
        "row": {"email": "ada@example.com", "id": 7},
        "now": 1000.5,
        "expires_at": 4600.5,
        "bound_to": None,
        "entropy": lambda length: b"\xab" * length,
    }
    return Draft(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{subject}", "42"),
        ("{subject:number}", 42),
        ("user-{subject}", "user-42"),
        ("{now}", 1000),
        ("{expires}", 4600),
        ("{random}", "ab" * 20),
        ("{claim.roles}", ["staff"]),
        ("{claim.none}", None),
        ("{column.email}", "ada@example.com"),
        ("{column.id:number}", 7),
        ("plain", "plain"),
    ],
)
def test_a_text_that_is_nothing_but_a_placeholder_becomes_the_value(text: str, value: object) -> None:
    assert find_fault({"a": text}) == ""
    assert Template({"a": text, "deep": [{"b": text}], "other": 1}).fill(draft()) == {
        "a": value,
        "deep": [{"b": value}],
        "other": 1,
    }


@pytest.mark.parametrize("text", ["{claim.other}", "{column.other}", "{password_hash}", "{column.email:number}"])
def test_a_gap_makes_no_session(text: str) -> None:
    with pytest.raises(MintRefused):
        Template({"a": text}).fill(draft())


@pytest.mark.parametrize(
    "text", ["{user}", "{claim}", "{", "a}", "{subject", "{column.}", "{{subject}}", "{subject.id}"]
)
def test_what_is_no_placeholder_is_refused_beforehand(text: str) -> None:
    assert find_fault({"a": [{"b": text}]})


def test_placeholders_are_found_wherever_they_stand() -> None:
    assert names_in({"a": ["{column.id}", {"b": "x{claim.roles}{column.id}"}]}) == ("column.id", "claim.roles")


def test_a_key_is_as_long_as_it_is_random() -> None:
    assert len(key_of(lambda length: b"\0" * length)) == 32
    assert key_of(lambda length: b"\x01" * length) != key_of(lambda length: b"\x02" * length)


@pytest.mark.parametrize("value", [0, 1, 61, 62, 1764345600])
def test_the_time_of_a_signature_is_read_as_it_was_written(value: int) -> None:
    assert read_base62(write_base62(value)) == value


@pytest.mark.parametrize("text", [b"{}", b'{"a":"' + b"a" * 500 + b'"}'])
def test_what_is_signed_is_found_again(text: bytes) -> None:
    found = find_signed(signed(text, 1000.0, b"secret", b"salt"), (b"other", b"secret"), b"salt")
    assert found is not None
    assert unpack(found[0]) == text
    assert packed(text).startswith(b".") is (len(text) > 100)
