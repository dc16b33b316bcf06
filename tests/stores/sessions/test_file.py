"""A folder of session files as a place: no name leads out of it, and what cannot be read is never empty."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.codec import MAX_TEXT, Entry, Lookup
from gateway.stores.sessions import PlaceUnavailable
from gateway.stores.sessions_file import FilePlace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sessions"
    folder.mkdir()
    (tmp_path / "secret").write_text("of somebody else")
    (folder / "sess_abc").write_bytes(b"text")
    os.utime(folder / "sess_abc", (1000.5, 1000.5))
    return folder


@pytest.fixture
def place(folder: Path) -> Iterator[FilePlace]:
    place = FilePlace(folder)
    yield place
    place.close()


async def test_content_and_time_of_the_last_change(place: FilePlace) -> None:
    assert await place.fetch(Entry("sess_", "abc")) == (b"text", 1000.5)
    assert await place.fetch(Entry("sess_", "other")) is None


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/../../secret",
        "..\\secret",
        ".hidden",
        "a\0b",
        "a\n",
        "x" * 300,
        "é",
    ],
)
@pytest.mark.parametrize("prefix", ["", "sess_"])
async def test_no_name_leads_out_of_the_folder(place: FilePlace, folder: Path, prefix: str, name: str) -> None:
    (folder / ".hidden").write_text("x")
    assert await place.fetch(Entry(prefix, name)) is None


async def test_a_link_is_not_followed(place: FilePlace, folder: Path, tmp_path: Path) -> None:
    (folder / "sess_link").symlink_to(tmp_path / "secret")
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("sess_", "link"))


@pytest.mark.parametrize("kind", ["folder", "pipe"])
async def test_what_is_no_file_is_not_read(place: FilePlace, folder: Path, kind: str) -> None:
    path = folder / "sess_odd"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("sess_", "odd"))


async def test_a_file_that_is_too_large_is_unreadable(place: FilePlace, folder: Path) -> None:
    (folder / "sess_big").write_bytes(b"x" * (MAX_TEXT + 1))
    with pytest.raises(PlaceUnavailable, match="unreadable"):
        await place.fetch(Entry("sess_", "big"))


async def test_a_folder_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "none")
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("sess_", "abc"))
    place.close()


async def test_folders_by_the_first_characters_of_the_id(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "sess_abc").write_bytes(b"deep")
    place = FilePlace(folder, levels=2)
    row = await place.fetch(Entry("sess_", "abc"))
    assert row is not None
    assert row[0] == b"deep"
    for name in ("a", "..", "../", "xyz"):
        assert await place.fetch(Entry("sess_", name)) is None
    place.close()


async def test_many_at_once(place: FilePlace) -> None:
    rows = await asyncio.gather(*(place.fetch(Entry("sess_", "abc")) for _ in range(50)))
    assert set(rows) == {(b"text", 1000.5)}


async def test_it_has_no_rows_and_ends(place: FilePlace) -> None:
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Lookup("t", "k", "v", ("c",)))
    await place.aclose()
    with pytest.raises(PlaceUnavailable, match="unreachable"):
        await place.fetch(Entry("sess_", "abc"))
