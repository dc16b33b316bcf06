"""The embedded mode makes its own key once, where it lasts, and never again."""

import stat
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.keys.files import KeyPlace, load_key
from gateway.keys.generated import generate_pem, load_or_generate_key
from gateway.keys.private_files import create_private_file
from gateway.keys.volatile import find_filesystem
from tests.keys.material import key_file, pem_of

LASTING = "/dev/vda / ext4 rw 0 0\n"


def mounts(tmp_path: Path, table: str = LASTING) -> Path:
    path = tmp_path / "mounts"
    path.write_text(table)
    return path


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_first_start_makes_a_key_and_the_next_ones_use_it(algorithm: str, tmp_path: Path) -> None:
    path, table = tmp_path / "run" / "signing.pem", mounts(tmp_path)
    first = load_or_generate_key(path, algorithm, {}, mounts=table)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["signing.pem"]
    before = path.read_bytes()
    second = load_or_generate_key(path, algorithm, {}, mounts=table)
    assert second.kid == first.kid
    assert path.read_bytes() == before


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_every_algorithm_has_a_generator(algorithm: str, tmp_path: Path) -> None:
    path = key_file(tmp_path / "key.pem", generate_pem(algorithm))
    assert load_key(KeyPlace(algorithm, file=path), {}).algorithm == algorithm


def test_an_algorithm_that_is_not_offered_has_none() -> None:
    with pytest.raises(ConfigurationError, match="HS256 is not offered"):
        generate_pem("HS256")


@pytest.mark.parametrize("content", [b"", b"half a k", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_key_that_is_there_is_never_replaced_however_bad(content: bytes, tmp_path: Path) -> None:
    path = key_file(tmp_path / "signing.pem", content)
    with pytest.raises(ConfigurationError):
        load_or_generate_key(path, "ES256", {}, mounts=mounts(tmp_path))
    assert path.read_bytes() == content


def test_of_two_that_make_it_at_once_the_first_counts(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    create_private_file(path, pem_of("ES256"), "signing key")
    with pytest.raises(FileExistsError):
        create_private_file(path, pem_of("ES256 b"), "signing key")
    assert path.read_bytes() == pem_of("ES256")
    assert [file.name for file in tmp_path.iterdir()] == ["signing.pem"]


def test_a_loser_of_that_race_takes_the_winners_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path / "signing.pem", pem_of("ES256"))
    monkeypatch.setattr("gateway.keys.generated.os.path.lexists", lambda _: False)
    key = load_or_generate_key(path, "ES256", {}, mounts=mounts(tmp_path))
    assert path.read_bytes() == pem_of("ES256")
    assert key.algorithm == "ES256"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "deeper" / "signing.pem"
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        load_or_generate_key(path, "ES256", {}, mounts=mounts(tmp_path))


@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "ramfs", "aufs"])
def test_nothing_is_made_where_it_would_be_lost(kind: str, tmp_path: Path) -> None:
    path, table = tmp_path / "signing.pem", mounts(tmp_path, f"none / {kind} rw 0 0\n")
    with pytest.raises(ConfigurationError, match=rf"\({kind}\) that does not outlive a restart"):
        load_or_generate_key(path, "ES256", {}, mounts=table)
    assert not path.exists()
    assert load_or_generate_key(path, "ES256", {}, is_allowed_anywhere=True, mounts=table).algorithm == "ES256"
    assert load_or_generate_key(path, "ES256", {}, mounts=table).algorithm == "ES256"


def test_nothing_is_made_in_kubernetes_unless_somebody_answers_for_it(tmp_path: Path) -> None:
    path, environ = tmp_path / "signing.pem", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with pytest.raises(ConfigurationError, match=r"Kubernetes.*stores\.embedded\.single_instance: true"):
        load_or_generate_key(path, "ES256", environ, mounts=mounts(tmp_path))
    assert not path.exists()
    load_or_generate_key(path, "ES256", environ, is_allowed_anywhere=True, mounts=mounts(tmp_path))
    assert path.exists()


TABLE = """overlay / overlay rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/vdb /srv/with\\040blank ext4 rw 0 0
/dev/vdc /run/kept xfs rw 0 0
tmpfs /run/kept tmpfs rw 0 0
/dev/vdd /srv ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/key.pem", "overlay"),
        ("/run/key.pem", "tmpfs"),
        ("/runner/key.pem", "overlay"),
        ("/srv/with blank/key.pem", "ext4"),
        ("/srv/key.pem", "ext4"),
        ("/run/kept/key.pem", "tmpfs"),
        ("/run/../srv/key.pem", "ext4"),
    ],
)
def test_the_nearest_mount_counts_and_of_two_the_later(path: str, kind: str, tmp_path: Path) -> None:
    assert find_filesystem(Path(path), mounts(tmp_path, TABLE)) == kind


def test_a_system_without_a_mount_table_says_nothing(tmp_path: Path) -> None:
    assert find_filesystem(tmp_path, tmp_path / "missing") is None
    path = tmp_path / "signing.pem"
    load_or_generate_key(path, "ES256", {}, mounts=tmp_path / "missing")
    assert path.exists()
