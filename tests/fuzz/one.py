"""Fuzzes one target in this process until libFuzzer ends it: `python -m tests.fuzz.one TARGET -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    target, *words = sys.argv[1:]
    atheris.Setup([sys.argv[0], *words], TARGETS[target])
    atheris.Fuzz()
