"""Reading a login page: which inputs its forms have. Pure, and bounded by whoever reads the page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

MAX_INPUTS = 1000
"""Inputs of one page that are looked at."""


@dataclass(slots=True)
class PageForm:
    """The names of a form's inputs, with their values; the first of a name counts."""

    inputs: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[PageForm] = []
        self._left = MAX_INPUTS

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.forms.append(PageForm())
        elif tag == "input" and self.forms and self._left:
            self._left -= 1
            attributes = dict(attrs)
            self.forms[-1].inputs.setdefault(attributes.get("name") or "", attributes.get("value") or "")


def find_login_form(page: bytes, *names: str) -> PageForm | None:
    """Return the first form that has inputs of all these names, or None.

    A large page takes tenths of a second: in a thread, so that nobody waits for it.
    """
    reader = _Reader()
    reader.feed(page.decode("utf-8", "replace"))
    return next((form for form in reader.forms if form.inputs.keys() >= set(names)), None)
