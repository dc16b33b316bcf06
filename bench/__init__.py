"""Side-by-side measurements. `python -m bench` prints a table; docs/performance.md says how to read it."""
