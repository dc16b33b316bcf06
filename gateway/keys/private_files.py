"""Files that hold a secret: never readable by everybody, written whole or not at all.

The one rule for all of them: others than owner and group have no access. The group may read, because Kubernetes hands
a secret to a user that is not root in no other way (`fsGroup`); what we write ourselves is for the owner alone.
"""

import os
import secrets
import stat
from pathlib import Path

from gateway.errors import ConfigurationError

_LARGEST = 64 * 1024


def read_private_file(path: Path, what: str) -> bytes:
    """Read a secret of at most 64 KiB. `what` names it in messages, such as "signing key".

    Raises:
        ConfigurationError: it is missing, unreadable, too large, no file, or open to everybody.
    """
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_mode & stat.S_IRWXO:
                raise ConfigurationError(
                    f"The {what} in {path} can be read by everybody on this machine."
                    f" Run: chmod 600 {path} (in Kubernetes: defaultMode: 0440)"
                )
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The {what} in {path} cannot be read ({error.strerror}). Create it, or let this user read it."
        ) from None
    if len(content) > _LARGEST:
        raise ConfigurationError(f"The {what} in {path} is larger than 64 KiB. Point to the right file.")
    return content


def create_private_file(path: Path, content: bytes, what: str) -> None:
    """Write a new file with mode 0600 so that it is there whole or not at all, even after a crash.

    Raises:
        FileExistsError: somebody else created it first; it was not touched.
        ConfigurationError: the directory cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(draft, path)  # unlike a rename, this never replaces what is there
        finally:
            draft.unlink()
        _flush_directory(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"The {what} cannot be written to {path} ({error.strerror}). Give this user write permission there."
        ) from None


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
