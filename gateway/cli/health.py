"""`crossfade health`: probes without curl, for containers that have none."""

from pathlib import Path

import click
import httpx

from gateway.cli.admin import tcp_address
from gateway.cli.configuration import config_option, find_admin
from gateway.errors import StartError

_TIMEOUT = 3.0
_PATHS = {"live": "/livez", "ready": "/readyz"}


@click.command(epilog="Example: crossfade health ready")
@click.argument("probe", type=click.Choice(list(_PATHS)))
@config_option
def health(probe: str, config: Path) -> None:
    """Ask the running gateway how it is.

    Ends with 0 if it is alive, or ready for requests, else with 1.
    """
    url = f"http://{tcp_address(find_admin(config).listen)}{_PATHS[probe]}"
    try:
        with httpx.Client(trust_env=False, timeout=_TIMEOUT) as client:
            response = client.get(url)
    except httpx.HTTPError:
        raise StartError(f"No gateway answers at {url}; is it running?") from None
    click.echo(response.text.strip())
    if response.status_code != httpx.codes.OK:
        raise StartError(f"The gateway is not {probe} ({response.status_code} at {url}).")
