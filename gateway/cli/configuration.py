"""Which configuration a command works with."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.errors import ConfigurationError
from gateway.settings.load import load_settings
from gateway.settings.passthrough import load_passthrough
from gateway.settings.schema import Admin, Settings

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT = "gateway.yaml"


def config_option(command: Command) -> Command:
    """Give a command the option `--config`."""
    option = click.option(
        "-c",
        "--config",
        "config",
        type=click.Path(path_type=Path),
        default=DEFAULT,
        show_default=True,
        envvar="CROSSFADE_CONFIG",
        help="The configuration file.",
    )
    return option(command)


def load(config: Path) -> Settings:
    """Return the configuration.

    Raises:
        ConfigurationError: it cannot be read, or has faults; the message names them all.
    """
    return load_settings(config, os.environ)


def find_admin(config: Path) -> Admin:
    """Return where the running gateway is administered, also from a configuration that is broken elsewhere.

    The way back must not depend on a file that somebody has just spoilt.
    """
    try:
        return load_settings(config, os.environ).admin
    except ConfigurationError:
        pass
    try:
        return load_passthrough(config, os.environ).admin
    except ConfigurationError:
        return Admin.model_validate({}, context={"directory": config.parent.absolute()})
