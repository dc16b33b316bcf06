"""The way back: what is read while `ENABLE_JWT_AUTH=false`, from a configuration that may be broken everywhere else.

Only what is needed to carry requests. Each section stands alone: it is taken from the file as far as it can be read
there, else from the copy of the last good configuration; where the application is, and where the gateway listens, can
also come from the environment. Nothing here opens a key, a schema or a store.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.core.trust import TrustedProxies
from gateway.errors import ConfigurationError
from gateway.settings.addresses import Address, Origin
from gateway.settings.certificates import open_trust
from gateway.settings.faults import Place
from gateway.settings.last_good import SECTIONS, last_good_path, read_last_good
from gateway.settings.load import LARGEST, STAND_INS
from gateway.settings.reading import read_text
from gateway.settings.schema import Admin, Drain, IdentityHeaders, Limits, Metrics, Route, Settings, Tokens, Upstream

_ROUNDS = 20
_WHOLE = frozenset({"routes"})
"""Sections of which a whole copy is better than a mended original: a rule without its faulty half can open a path."""


@dataclass(frozen=True, slots=True)
class Passthrough:
    """What carries requests while tokens are off. `notes` are sentences for the log about what was not in the file."""

    listen: Address
    workers: int | Literal["auto"]
    upstreams: Mapping[str, Upstream]
    public_url: Origin | None
    prefix: str
    trusted_proxies: tuple[str, ...]
    routes: tuple[Route, ...]
    tokens: Tokens
    identity_headers: IdentityHeaders
    admin: Admin
    metrics: Metrics
    limits: Limits
    drain: Drain
    notes: tuple[str, ...] = ()

    @property
    def default_upstream(self) -> str:
        """The application of routes that name none: `app`, else the first one."""
        return "app" if "app" in self.upstreams else next(iter(self.upstreams))

    @property
    def issuer(self) -> str:
        """What tokens of ours claim, so that they are known and taken off; empty where nothing tells."""
        return self.tokens.issuer or ("" if self.public_url is None else str(self.public_url))

    @classmethod
    def of(cls, sections: Mapping[str, object], notes: Sequence[str] = ()) -> Self:
        """Put sections together that were read one by one; what does not fit together is left out with a note."""
        told = list(notes)
        upstreams = _trusting(cast("Mapping[str, Upstream]", sections["upstreams"]), told)
        fitting = {
            "upstreams": upstreams,
            "trusted_proxies": _few(cast("tuple[str, ...]", sections["trusted_proxies"]), told),
            "routes": _distinct(_existing(cast("tuple[Route, ...]", sections["routes"]), upstreams), told),
        }
        return cls(**cast("dict[str, Any]", {**sections, **fitting}), notes=tuple(told))


def load_passthrough(path: Path, environ: Mapping[str, str]) -> Passthrough:
    """Find out where to listen and where the application is, whatever state the configuration is in.

    Looks into the file, then into the copy that `last_good` keeps, then at CROSSFADE_LISTEN and CROSSFADE_UPSTREAM.

    Raises:
        ConfigurationError: none of them tells where the application is.
    """
    search = _Search(path, environ)
    found = {key: search.find(key) for key in SECTIONS}
    if found["workers"] == "auto" and not search.has_shared_stores:
        found["workers"] = 1
    if found["upstreams"] is None:
        raise ConfigurationError(
            f"{path}: nothing tells where the application is: `upstreams` cannot be read there, and there is no copy in"
            f" {last_good_path(path)}. Set CROSSFADE_UPSTREAM, for example to http://127.0.0.1:8000."
        )
    return Passthrough.of(found, search.notes)


def _trusting(upstreams: Mapping[str, Upstream], notes: list[str]) -> Mapping[str, Upstream]:
    """Check an application against the system's authorities where its own cannot be read: nothing else is trusted."""
    found = dict(upstreams)
    for name, upstream in upstreams.items():
        if upstream.ca is None:
            continue
        try:
            open_trust(upstream.ca)
        except ConfigurationError as error:
            notes.append(f"upstreams.{name}.ca: {error} The authorities of the system are used.")
            found[name] = upstream.model_copy(update={"ca": None})
    return found


def _few(networks: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
    """Leave out a network with which everybody would be trusted."""
    kept: tuple[str, ...] = ()
    for network in networks:
        try:
            TrustedProxies((*kept, network))
        except ValueError:
            notes.append(f"trusted_proxies: {network} is left out; with it, everybody would be trusted.")
        else:
            kept = (*kept, network)
    return kept


def _distinct(routes: tuple[Route, ...], notes: list[str]) -> tuple[Route, ...]:
    """Keep one rule for each path: the one that denies, since a doubt must not open anything; else the first."""
    kept: dict[str, Route] = {}
    for route in routes:
        if route.path in kept:
            notes.append(f"routes: {route.path} stands twice; the stricter rule counts.")
        if route.path not in kept or (_denies(route) and not _denies(kept[route.path])):
            kept[route.path] = route
    return tuple(kept.values())


def _denies(route: Route) -> bool:
    return route.auth == "required" and route.in_off == "deny"


def _existing(routes: tuple[Route, ...], upstreams: Mapping[str, Upstream]) -> tuple[Route, ...]:
    """Point routes whose application is not known any more at the default one."""
    return tuple(
        route if route.upstream is None or route.upstream in upstreams else route.model_copy(update={"upstream": None})
        for route in routes
    )


class _Search:
    """Looks for sections in one source after the other."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.notes: list[str] = []
        self._context = {"directory": path.parent.absolute()}
        text = _read_leniently(path)
        reading = read_text(text or "", name=str(path), environ=environ)
        self._file = {key: reading.values[key] for key in SECTIONS if key in reading.values}
        self._is_silence_meant = text is not None and reading.is_whole
        stores = reading.values.get("stores")
        copy = read_last_good(last_good_path(path))
        self.has_shared_stores = "postgres" in stores if isinstance(stores, Mapping) else copy.get("workers") == "auto"
        """Whether several processes served before; nothing is opened, so that they are as good for the way back."""
        self._sources: tuple[tuple[str, Mapping[str, object]], ...] = (
            (str(path), self._file),
            (str(last_good_path(path)), copy),
            ("the environment", _from_environment(environ)),
            (str(path), self._file),
        )

    def find(self, key: str) -> object:
        """Return a section from the first source that has it; its default, or None, where no source has."""
        if key not in self._file and self._is_silence_meant and key not in STAND_INS:
            return self._default(key)
        for position, (name, source) in enumerate(self._sources):
            if key not in source:
                continue
            value, is_whole = self._read(key, source[key], drops_entries=position > 2)
            if value is not None:
                if position or not is_whole:
                    self.notes.append(f"{key}: taken from {name}{'' if is_whole else ' as far as it can be read'}.")
                return value
        if key in STAND_INS:
            return None
        self.notes.append(f"{key}: cannot be read anywhere; its default is used.")
        return self._default(key)

    def _read(self, key: str, value: object, *, drops_entries: bool) -> tuple[object, bool]:
        """Return the section and whether nothing was wrong with it; None where it cannot be used.

        With `drops_entries`, the last resort, what cannot be mended is left out for the sake of the others.
        """
        section: dict[str, Any] = {key: deepcopy(value)}
        for attempt in range(_ROUNDS):
            try:
                settings = Settings.model_validate({**STAND_INS, **section}, context=self._context)
                return getattr(settings, key), attempt == 0
            except ValidationError as error:
                faults = error.errors(include_url=False)
            places = [_faulty_place(fault, drops_entries=drops_entries) for fault in reversed(faults)]
            if (
                (key in _WHOLE and not drops_entries)
                or not all(_mend(section, place, hint) for place, hint in places)
                or key not in section
            ):
                break
        return None, False

    def _default(self, key: str) -> object:
        return getattr(Settings.model_validate(dict(STAND_INS), context=self._context), key)


def _faulty_place(fault: ErrorDetails, *, drops_entries: bool) -> tuple[Place, str]:
    """Return what has to go, empty where nothing helps, and what was plainly meant instead."""
    place = fault["loc"]
    if fault["type"] == "missing":
        return (place[:-1] if drops_entries else ()), ""
    if place[-1] == "[key]":
        return place[:-1], ""
    return place, fault.get("ctx", {}).get("hint", "")


def _mend(document: Any, place: Place, hint: str) -> bool:
    """Replace a faulty value by what was plainly meant, or leave it out. False where neither is possible."""
    if not place:
        return False
    *above, last = place
    try:
        for step in above:
            document = document[step]
        if hint:
            document[last] = hint
        else:
            del document[last]
    except (LookupError, TypeError):
        return True  # it went with something that another fault named
    return True


def _from_environment(environ: Mapping[str, str]) -> Mapping[str, object]:
    found: dict[str, object] = {}
    if environ.get("CROSSFADE_LISTEN"):
        found["listen"] = environ["CROSSFADE_LISTEN"]
    if environ.get("CROSSFADE_UPSTREAM"):
        found["upstreams"] = {"app": {"url": environ["CROSSFADE_UPSTREAM"]}}
    return found


def _read_leniently(path: Path) -> str | None:
    """Return what can be read of the file, None where there is nothing."""
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return None
