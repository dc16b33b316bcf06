"""How many processes serve, and how many files they may open."""

import os
import resource
from pathlib import Path

import pytest

from gateway.serve.capacity import count_workers, raise_open_files, usable_processors

HERE = len(os.sched_getaffinity(0))


def test_a_number_is_taken_as_it_is(tmp_path: Path) -> None:
    assert count_workers(7, is_shared=True, cgroup=tmp_path) == 7


def test_auto_is_one_where_the_stores_belong_to_one_process(tmp_path: Path) -> None:
    assert count_workers("auto", is_shared=False, cgroup=tmp_path) == 1
    assert count_workers("auto", is_shared=True, cgroup=tmp_path) == HERE


@pytest.mark.parametrize(
    ("quota", "processors"),
    [("max 100000", HERE), ("50000 100000", 1), ("100000 100000", 1), ("100001 100000", min(HERE, 2)), ("junk", HERE)],
)
def test_a_container_gets_no_more_than_its_quota(tmp_path: Path, quota: str, processors: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_processors(tmp_path) == processors


@pytest.mark.parametrize(("quota", "processors"), [("-1", HERE), ("20000", 1)])
def test_the_older_control_groups_say_it_in_two_files(tmp_path: Path, quota: str, processors: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_processors(tmp_path) == processors


def test_the_soft_limit_of_open_files_is_raised_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 512), before[1]))
    try:
        raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
