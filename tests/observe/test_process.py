"""What this process says of itself costs the same however many files are open."""

import os
from pathlib import Path

import pytest

from gateway.observe.process import ProcessWatch


def test_open_files_are_counted() -> None:
    watch = ProcessWatch()
    before = watch.look()
    held = [os.dup(0) for _ in range(50)]
    try:
        after = watch.look()
    finally:
        for one in held:
            os.close(one)
    assert before is not None
    assert after is not None
    assert after.open_files - before.open_files == 50


def test_a_system_that_says_how_many_files_are_open_is_not_asked_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.observe.process.count_told", lambda folder: 12_345)
    monkeypatch.setattr(Path, "iterdir", None)
    figures = ProcessWatch().look()
    assert figures is not None
    assert figures.open_files == 12_345


def test_many_open_files_are_listed_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Linux 6.2 the system does not count them."""
    monkeypatch.setattr("gateway.observe.process.count_told", lambda folder: 0)
    files = tmp_path / "self" / "fd"
    files.mkdir(parents=True)
    (tmp_path / "self" / "stat").write_text(Path("/proc/self/stat").read_text())
    for number in range(501):
        (files / str(number)).touch()
    watch = ProcessWatch(tmp_path)

    def seen() -> int:
        figures = watch.look()
        assert figures is not None
        return figures.open_files

    assert seen() == 500
    (files / "501").touch()
    assert [seen() for _ in range(5)] == [500] * 5
    assert seen() == 501
