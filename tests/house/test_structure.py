"""The house of docs/structure.md, proved: who may import whom, where nothing waits, and how large a room may be."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATEWAY = ROOT / "gateway"
FILES = sorted(GATEWAY.rglob("*.py"))

LADDER = [
    {"errors", "headers", "lately", "remote_token", "model", "records", "facts"},
    {
        "ports",
        "key_ports",
        "family_ports",
        "login_ports",
        "phase_ports",
        "mint_ports",
        "codec",
        "core",
        "formats",
        "legacy",
        "http1",
    },
    {"bridge", "stores", "keys", "flow"},
    {"wire", "asgi", "web", "observe"},
    {"settings", "wiring", "serve"},
    {"cli", "__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LADDER) for room in rooms}
PURE = {"core", "formats", "legacy", "http1"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def imports_of(path: Path) -> Iterator[str]:
    """All modules of the gateway that a file imports, wherever in the file."""
    modules = {module_of(file) for file in FILES}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield deeper if deeper in modules else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


IMPORTS = {module_of(path): {name for name in imports_of(path) if name.startswith("gateway")} for path in FILES}


def test_every_room_has_its_place_on_the_ladder() -> None:
    rooms = {room_of(module) for module in IMPORTS} - {""}
    assert rooms <= set(LEVEL)


def test_imports_only_go_down_the_ladder() -> None:
    upward = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in names
        if room_of(module) and room_of(name) and LEVEL[room_of(name)] > LEVEL[room_of(module)]
    ]
    assert upward == []


def test_there_is_no_import_cycle() -> None:
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module in done:
            return
        for name in IMPORTS.get(module, ()):
            if name != "gateway":
                visit(name, (*trail, module))
        done.add(module)

    for module in IMPORTS:
        visit(module, ())


def test_decisions_use_only_the_vocabulary_and_pure_libraries() -> None:
    allowed = LADDER[0] | {
        "ports",
        "key_ports",
        "family_ports",
        "login_ports",
        "phase_ports",
        "codec",
        "core",
        "formats",
    }
    strays = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if room_of(module) in PURE
        for name in names
        if room_of(name) not in allowed | {room_of(module)}
    ]
    assert strays == []


@pytest.mark.parametrize(
    "path", [path for path in FILES if room_of(module_of(path)) in PURE], ids=lambda path: path.stem
)
def test_decisions_never_wait_and_never_look_around(path: Path) -> None:
    tree = ast.parse(path.read_text())
    waits = [node.lineno for node in ast.walk(tree) if isinstance(node, (ast.AsyncFunctionDef, ast.Await))]
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert waits == []
    assert imported.isdisjoint({"asyncio", "time", "socket", "logging", "structlog", "random", "secrets", "os"})


def test_the_flow_does_not_know_where_things_lie() -> None:
    banned = {"stores", "keys", "wire", "web"}
    strays = [
        f"{m} imports {n}" for m, ns in IMPORTS.items() if room_of(m) == "flow" for n in ns if room_of(n) in banned
    ]
    assert strays == []


def test_codecs_do_not_know_each_other() -> None:
    strays = [
        f"{m} imports {n}" for m, ns in IMPORTS.items() if room_of(m) == "legacy" for n in ns if room_of(n) == "legacy"
    ]
    assert strays == []


def test_only_the_wiring_names_concrete_adapters() -> None:
    """A command may open one place to look at it; the data path gets its adapters from the wiring alone."""
    addresses = {f"gateway.stores.{server}_address" for server in ("redis", "postgres", "mysql")}
    harmless = {*addresses, "gateway.keys.private_files"}
    adapters = {m for m in IMPORTS if room_of(m) in {"stores", "keys"}} - harmless
    allowed = {"wiring", "cli", "stores", "keys"}
    strays = [f"{m} imports {n}" for m, ns in IMPORTS.items() if room_of(m) not in allowed for n in ns if n in adapters]
    assert strays == []


def test_rooms_stay_small() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > 350} == {}
    assert statistics.median(lengths.values()) <= 120


def test_functions_stay_short() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}
    assert statistics.median(lengths.values()) <= 9


def test_there_is_no_room_for_leftovers() -> None:
    banned = {"utils", "util", "helpers", "common", "manager", "misc", "info", "data"}
    assert [str(path) for path in FILES if path.stem in banned] == []
