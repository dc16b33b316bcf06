"""The image: what the gateway keeps lies on the volume, as file names are meant from the configuration's folder."""

import re
from pathlib import Path

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text()


def test_the_configuration_lies_in_the_folder_that_the_user_may_write() -> None:
    named = re.findall(r'"--config", "([^"]+)"', DOCKERFILE)
    owned = re.search(r"chown -R 65532:65532 (\S+)", DOCKERFILE)
    assert owned is not None
    assert {str(Path(name).parent) for name in named} == {owned[1]}
    assert f"WORKDIR {owned[1]}\n" in DOCKERFILE


def test_the_health_check_asks_about_the_configuration_that_is_run() -> None:
    assert len(set(re.findall(r'"--config", "([^"]+)"', DOCKERFILE))) == 1
