"""`python -m gateway` is `crossfade`."""

from gateway.cli import main

main(prog_name="crossfade")
