"""The sentences below the attributes of a class, which is where this project documents settings."""

import ast
import inspect
from itertools import pairwise
from textwrap import dedent


def attribute_docstrings(cls: type) -> dict[str, str]:
    """Return what stands below the annotated attributes of a class and of those that it inherits from.

    It reads the source, which takes long: only for whoever writes documentation. pydantic would do it for every class
    at every start (`use_attribute_docstrings`).
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(f"{__package__}."):
            found |= _own_docstrings(base)
    return found


def _own_docstrings(cls: type) -> dict[str, str]:
    (definition,) = ast.parse(dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        attribute.target.id: inspect.cleandoc(below.value.value)
        for attribute, below in pairwise(definition.body)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
