"""Starts the demo: sets it up when needed, then serves it with uvicorn until SIGINT or SIGTERM."""

import argparse
import signal
import sys

import uvicorn
from demo.environment import prepare_environment


class Server(uvicorn.Server):
    """Tells open event streams to end, since they would never do so by themselves."""

    def handle_exit(self, sig, frame):
        from notes.events import stopping

        stopping.set()
        super().handle_exit(sig, frame)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--access-log", action="store_true", help="print each request")
    arguments = parser.parse_args()

    prepare_environment()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("setup")
    config = uvicorn.Config(
        "demo.asgi:application",
        host=arguments.host,
        port=arguments.port,
        access_log=arguments.access_log,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())  # uvicorn stops, then passes the signal on to us
    Server(config).run()


if __name__ == "__main__":
    main()
