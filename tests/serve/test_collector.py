"""The collector's pauses are told, and what was there at the start is passed over."""

import gc

from gateway.serve.collector import settle_collector


def test_each_pause_is_told_until_it_is_stopped() -> None:
    before, pauses = gc.get_threshold(), list[float]()
    stop = settle_collector(pauses.append)
    try:
        assert gc.get_freeze_count() > 0
        gc.collect()
        assert len(pauses) == 1
        assert 0.0 < pauses[0] < 60.0
        assert gc.get_threshold()[0] > before[0]
    finally:
        stop()
        gc.unfreeze()
    gc.collect()
    assert len(pauses) == 1
    assert gc.get_threshold() == before
