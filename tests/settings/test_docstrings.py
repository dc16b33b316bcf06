"""The sentences below attributes, of which the schema for editors is made."""

from gateway.settings.docstrings import attribute_docstrings
from gateway.settings.schema.section import Section
from gateway.settings.schema.stores import Revocation


def test_what_stands_below_an_attribute_is_its_docstring() -> None:
    found = attribute_docstrings(Revocation)
    assert found["mode"].startswith("`strict` asks Redis for every request")
    assert set(found) <= set(Revocation.model_fields)


def test_attributes_that_are_inherited_are_documented_where_they_stand() -> None:
    class Derived(Revocation):
        """Nothing of its own."""

    assert attribute_docstrings(Derived) == attribute_docstrings(Revocation)


def test_what_has_no_sentence_has_none() -> None:
    assert attribute_docstrings(Section) == {}
