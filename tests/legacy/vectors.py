"""What real frameworks wrote with throw-away secrets, where they cannot be installed beside the tests."""

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text())
