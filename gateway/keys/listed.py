"""The keys of the configuration, read again when one of their files has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import ConfigurationError
from gateway.keys.files import KeyPlace, load_keys
from gateway.keys.ring import RingKey, ensure_distinct

Glance = tuple[int, int, int, int] | None
"""What a look at a file shows without opening it; None where it is not there. A change of its mode shows too."""


@dataclass(slots=True)
class ListedKeys:
    """Where the keys are, in the order of the configuration, and what was read there last.

    `fault` says why what is there now cannot be used; then the keys of before stay. Empty otherwise.
    """

    places: Sequence[KeyPlace]
    environ: Mapping[str, str] = field(repr=False)
    keys: Sequence[RingKey] = ()
    fault: str = ""
    _seen: Sequence[Glance] = ()

    def load(self) -> None:
        """Read all keys.

        Raises:
            ConfigurationError: one cannot be used; the keys of before stay.
        """
        seen = self._look()
        keys = load_keys(self.places, self.environ)
        ensure_distinct(keys)
        self.keys, self.fault, self._seen = keys, "", seen

    def has_changed(self) -> bool:
        """Whether a file is another than when it was read last, or than when it could not be."""
        return self._look() != self._seen

    def try_load(self) -> None:
        """Read all keys again; what is there now but cannot be used is told by `fault`, and looked at when it changes.

        A file that is written while it is read is seen as changed the next time, because it is looked at first.
        """
        seen = self._look()
        try:
            self.load()
        except ConfigurationError as error:
            self.fault = str(error)
        self._seen = seen

    def _look(self) -> Sequence[Glance]:
        return [_glance_at(place) for place in self.places if place.file is not None]


def _glance_at(place: KeyPlace) -> Glance:
    assert place.file is not None
    try:
        status = place.file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
