"""What uvicorn and granian import: the reverse proxy for the configuration that the environment names."""

import os

from gateway import create_app

app = create_app(os.environ["CROSSFADE_CONFIG"])
