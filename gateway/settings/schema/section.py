"""What all sections have in common: unknown keys are faults, values do not change, inputs stay out of errors."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """One section of the configuration. `planned` are keys that are known but not available yet, beside `kinds`."""

    kinds: ClassVar[tuple[str, ...]] = ()
    planned: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _read_missing_as_empty(cls, value: Any) -> Any:
        """Take a section that is left out for an empty one, so that its default file names find their directory."""
        if not isinstance(value, Mapping):
            return value
        missing: dict[str, Any] = {
            name: {}
            for name, field in cls.model_fields.items()
            if name not in value and field.default_factory is not None and field.annotation is field.default_factory
        }
        return {**value, **missing}


def planned(value: str, available: tuple[str, ...], *, at: str = "") -> PydanticCustomError:
    """Make the error of a name that is known but cannot be used yet. `at` is the key below the place that is meant."""
    return PydanticCustomError("planned", "{sentence}", {"sentence": say_planned(value, available), "at": at})


def say_planned(value: str, available: tuple[str, ...]) -> str:
    """Say that a name cannot be used yet, and which can."""
    return f"{value} is planned but not available yet; available: {', '.join(available)}"


def not_yet(*names: str, available: tuple[str, ...]) -> BeforeValidator:
    """Refuse names that are planned with a sentence of their own, instead of as unknown ones."""

    def refuse(value: object) -> object:
        if isinstance(value, str) and value in names:
            raise planned(value, available)
        return value

    return BeforeValidator(refuse)
