"""Whom an https application is believed to be."""

import ssl
from pathlib import Path

from gateway.errors import ConfigurationError


def open_trust(ca: Path | None) -> ssl.SSLContext:
    """Return what checks the certificate of an application: the authorities in `ca` (PEM), else those of the system.

    Raises:
        ConfigurationError: they cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError without a word for people
        reason = "not PEM" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None) or "no file name"
        raise ConfigurationError(f"The certificates in {ca} cannot be read ({reason}).") from None
