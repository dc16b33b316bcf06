"""Secrets are named by the configuration, never written into it, and read when they are needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway.errors import ConfigurationError
from gateway.keys.private_files import read_private_file
from gateway.settings.values import File, Variable, wrong


class Secret(BaseModel):
    """Where a secret is: an environment variable or a file, exactly one of them. Never holds the secret itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    env: Variable | None = None
    """The environment variable that holds it."""
    file: File | None = None
    """The file that holds it; one line break at its end is not part of it. Only its owner and its group may
    be able to read the file."""

    @model_validator(mode="before")
    @classmethod
    def _ensure_mapping(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            raise wrong("", says="expected {env: NAME} or {file: path}; a secret is never written into this file")
        return value

    @model_validator(mode="after")
    def _ensure_one(self) -> Self:
        if (self.env is None) is (self.file is None):
            raise wrong("either {env: NAME} or {file: path}")
        return self

    def __str__(self) -> str:
        return f"<secret from env {self.env}>" if self.file is None else f"<secret from file {self.file}>"

    __repr__ = __str__

    def read(self, environ: Mapping[str, str]) -> bytes:
        """Return the secret, at most 64 KiB.

        Raises:
            ConfigurationError: it is not there, is empty, or everybody can read its file; says which and what to do.
        """
        return self._read_env(environ) if self.file is None else _read_file(self.file)

    def _read_env(self, environ: Mapping[str, str]) -> bytes:
        value = environ.get(self.env or "")
        if value is None:
            raise ConfigurationError(f"The environment variable {self.env} is not set; it must hold a secret.")
        if not value:
            raise ConfigurationError(f"The environment variable {self.env} is empty; it must hold a secret.")
        return value.encode("utf-8", "surrogateescape")


def _read_file(path: Path) -> bytes:
    content = read_private_file(path, "secret").removesuffix(b"\n").removesuffix(b"\r")
    if not content:
        raise ConfigurationError(f"The secret in {path} is empty.")
    return content


def _as_list(value: object) -> object:
    return [value] if isinstance(value, Mapping | str) else value


_SHORT = Field(json_schema_extra={"x-short": "items"})

Secrets = Annotated[tuple[Secret, ...], Field(max_length=20), BeforeValidator(_as_list), _SHORT]
"""One secret or a list of them; the first is the current one, the others are what the application rotated away from."""

SomeSecrets = Annotated[tuple[Secret, ...], Field(min_length=1, max_length=20), BeforeValidator(_as_list), _SHORT]
"""The same, with at least one."""
