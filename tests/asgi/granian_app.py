"""What granian imports: the reverse proxy for the configuration named by the environment."""

import os

from gateway import create_app

app = create_app(os.environ["CROSSFADE_CONFIG"])
