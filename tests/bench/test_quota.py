"""What is written into the control groups, of both versions, to hold a process to a share."""

from pathlib import Path

import pytest

from bench.quota import held_to


def test_the_first_version_has_quota_and_period_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    with held_to(0.25, [71, 72], tmp_path):
        groups = {path.name.rpartition("-")[2]: path for path in (tmp_path / "cpu").iterdir()}
        assert sorted(groups) == ["71", "72"]
        assert (groups["71"] / "cpu.cfs_quota_us").read_text() == "5000"
        assert (groups["71"] / "cpu.cfs_period_us").read_text() == "20000"
        assert (groups["72"] / "cgroup.procs").read_text() == "72"


def test_the_second_version_has_them_in_one(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    with held_to(0.5, [71], tmp_path):
        (group,) = tmp_path.glob("crossfade-bench-*")
        assert (group / "cpu.max").read_text() == "10000 20000"
        assert (group / "cgroup.procs").read_text() == "71"
        assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"


def test_afterwards_the_process_is_where_others_are(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    with held_to(0.5, [71], tmp_path):
        pass
    assert (tmp_path / "cpu" / "cgroup.procs").read_text() == "71"


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"), held_to(0.5, [71], tmp_path):
        pass
