"""Words between the processes of one gateway: one box each, in the kernel, that outlives the process that reads it."""

import socket
from collections.abc import Callable, Sequence

from gateway.wiring.share import Word, read_word, write_word

_LONGEST = 4096
_AT_ONCE = 100


class Mailbox:
    """The box of one process, and the ways to all others. See `wiring.share.Siblings`."""

    def __init__(self, own: socket.socket, others: Sequence[socket.socket]) -> None:
        self._own = own
        self._others = others

    def fileno(self) -> int:
        """What to watch for words."""
        return self._own.fileno()

    def tell(self, word: Word) -> None:
        """Tell all others, without ever waiting: who has a full box finds out by looking at the stores."""
        message = write_word(word)
        for other in self._others:
            try:
                other.send(message)
            except OSError:
                pass

    def read(self, hear: Callable[[Word], None]) -> None:
        """Take the words that have come."""
        for _ in range(_AT_ONCE):
            try:
                message = self._own.recv(_LONGEST)
            except OSError:
                return
            word = read_word(message)
            if word is not None:
                hear(word)

    def close(self) -> None:
        """Close the box and the ways to the others."""
        for one in (self._own, *self._others):
            one.close()


def open_mailboxes(count: int) -> list[Mailbox]:
    """Make the boxes of `count` processes, before they are forked."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
    for pair in pairs:
        for end in pair:
            end.setblocking(False)
    return [
        Mailbox(own, [way for position, (_, way) in enumerate(pairs) if position != number])
        for number, (own, _) in enumerate(pairs)
    ]
