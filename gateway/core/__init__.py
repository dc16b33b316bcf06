"""Decisions: pure functions over values, without I/O, clock or logging."""
