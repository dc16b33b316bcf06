"""The command line, one file for each command."""

from gateway.cli.main import main

__all__ = ["main"]
