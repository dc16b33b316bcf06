"""Where a login may send a person back to: a path of the same origin, whoever reads it."""

import re
from urllib.parse import unquote_to_bytes

_LONGEST = 2048
_DECODINGS = 3
_VISIBLE = re.compile(rb"[!-~]+")
_UNSAFE = re.compile(rb"[\x00-\x1f\x7f\\]|//|(?:/|\A)\.{1,2}(?:/|\Z)")


def find_return_path(target: bytes) -> str | None:
    """Return a request target that is safe to redirect to, as text, or None.

    Its path begins with one slash and holds, however often it is decoded, no second slash beside one, no backslash, no
    dot segment and nothing that a browser would cut out: each of these has sent people to other origins
    (CVE-2020-5233 and its successors). The query may say what it likes; a browser takes no origin from it.
    """
    if len(target) > _LONGEST or not target.startswith(b"/") or _VISIBLE.fullmatch(target) is None:
        return None
    path = target.partition(b"?")[0].partition(b"#")[0]
    for _ in range(_DECODINGS + 1):
        if _UNSAFE.search(path) is not None:
            return None
        path = unquote_to_bytes(path)
    return target.decode("ascii")
