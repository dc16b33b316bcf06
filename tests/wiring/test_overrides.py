"""What an operator decides by hand: whatever lies where the override file is looked for, nothing waits for it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.wiring.overrides import find_text


def test_the_beginning_of_a_file_is_read_and_none_is_none(tmp_path: Path) -> None:
    path = tmp_path / "phase"
    assert find_text(path) is None
    path.write_text("off\n" + "x" * 1000)
    text = find_text(path)
    assert text is not None
    assert text.startswith("off\n")
    assert len(text) == 256


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("off")
    (tmp_path / "phase").symlink_to("real")
    assert find_text(tmp_path / "phase") == "off"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_a_folder_and_a_device_are_no_phase_and_hold_nothing_up(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "phase"
    make(path)
    assert find_text(path) == "unreadable: not a regular file"


def test_a_link_to_itself_is_no_phase(tmp_path: Path) -> None:
    (tmp_path / "phase").symlink_to("phase")
    text = find_text(tmp_path / "phase")
    assert text is not None
    assert text.startswith("unreadable")
