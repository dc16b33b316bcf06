"""What the benchmark of large bodies computes and prints."""

from bench.bodies import GATEWAY, GIB, NGINX, STREAMING, Case, Cost, against, parse_sizes, report


def test_sizes_are_words() -> None:
    assert parse_sizes("1K,64m,1G") == [1024, 64 << 20, 1 << 30]


def test_small_bodies_are_carried_often_and_large_ones_once() -> None:
    assert Case(is_upload=True, chunked=False, size=1024).requests == 2000
    assert Case(is_upload=True, chunked=False, size=64 << 20).requests == 4
    assert Case(is_upload=True, chunked=True, size=GIB).requests == 1
    assert Case(is_upload=True, chunked=True, size=GIB).volume == 1.0


def test_throughput_is_compared_round_by_round() -> None:
    ours = [Cost(1, 2, 0), Cost(1, 9, 0), Cost(1, 4, 0)]
    theirs = [Cost(1, 1, 0), Cost(1, 9, 0), Cost(1, 8, 0)]
    assert against(ours, theirs) == 1.0


def test_a_row_names_the_case_and_the_highest_rise() -> None:
    case = Case(is_upload=False, chunked=True, size=64 << 20)
    costs = {
        (case, NGINX): [Cost(1.0, 0.5, 0.0)] * 2,
        (case, STREAMING): [Cost(1.0, 2.0, 0.0)] * 2,
        (case, GATEWAY): [Cost(0.25, 1.0, 0.5), Cost(0.75, 1.0, 1.5)],
    }
    text = report([case], [NGINX, STREAMING, GATEWAY], costs)
    assert "| download, chunked, 64 MiB | Crossfade | 1,024 | 0.50 | 1.5 | 2.00 | 0.50 |" in text
