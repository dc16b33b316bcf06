"""Secrets: named by the configuration, read when needed, never shown."""

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.settings.secrets import Secret
from tests.settings.samples import MINIMAL, settings_of

NAMED = "SESSION_KEY"


def file_of(path: Path, content: bytes, mode: int = 0o600) -> Secret:
    path.write_bytes(content)
    path.chmod(mode)
    return Secret(file=path)


def test_reads_an_environment_variable() -> None:
    assert Secret(env=NAMED).read({NAMED: "s\u00e9cret\n"}) == "s\u00e9cret\n".encode()


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"abc", b"abc"), (b"abc\n", b"abc"), (b"abc\r\n", b"abc"), (b"abc\n\n", b"abc\n"), (b" abc ", b" abc ")],
)
def test_one_line_break_at_the_end_of_a_file_is_not_part_of_the_secret(
    tmp_path: Path, content: bytes, secret: bytes
) -> None:
    assert file_of(tmp_path / "key", content).read({}) == secret


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "The environment variable SESSION_KEY is not set; it must hold a secret."),
        ({NAMED: ""}, "The environment variable SESSION_KEY is empty; it must hold a secret."),
    ],
)
def test_says_what_is_wrong_with_a_variable(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Secret(env=NAMED).read(environ)
    assert str(caught.value) == sentence


def test_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    told: list[str] = []

    def tell(secret: Secret) -> None:
        with pytest.raises(ConfigurationError) as caught:
            secret.read({})
        told.append(str(caught.value).replace(str(path), "KEY").replace(str(tmp_path), "FOLDER"))

    tell(Secret(file=path))
    tell(Secret(file=tmp_path))
    tell(file_of(path, b""))
    tell(file_of(path, b"\n"))
    tell(file_of(path, b"hunter2", mode=0o644))
    tell(file_of(path, b"x" * 70_000))
    assert told == [
        "The secret in KEY cannot be read (No such file or directory). Create it, or let this user read it.",
        "The secret in FOLDER cannot be read (Is a directory). Create it, or let this user read it.",
        "The secret in KEY is empty.",
        "The secret in KEY is empty.",
        "The secret in KEY can be read by everybody on this machine. Run: chmod 600 KEY"
        " (in Kubernetes: defaultMode: 0440)",
        "The secret in KEY is larger than 64 KiB. Point to the right file.",
    ]


def test_a_group_may_read_a_secret(tmp_path: Path) -> None:
    assert file_of(tmp_path / "key", b"abc", mode=0o440).read({}) == b"abc"


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (Secret(env=NAMED), "<secret from env SESSION_KEY>"),
        (Secret(file=Path("run/key")), "<secret from file run/key>"),
    ],
)
def test_shows_only_where_it_is(secret: Secret, shown: str) -> None:
    assert (repr(secret), str(secret), f"{secret}") == (shown, shown, shown)


def test_one_secret_may_stand_where_a_list_is_meant() -> None:
    one = settings_of(MINIMAL + "keys: { env: A }\n")
    many = settings_of(MINIMAL + "keys: [{ env: A }, { file: old.pem }]\n")
    assert repr(one.keys) == "(<secret from env A>,)"
    assert repr(many.keys) == "(<secret from env A>, <secret from file /etc/crossfade/old.pem>)"
