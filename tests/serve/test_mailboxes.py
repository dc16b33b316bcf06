"""Words between processes: to all others, never waited for."""

from collections.abc import Iterator

import pytest

from gateway.serve.mailboxes import Mailbox, open_mailboxes
from gateway.wiring.share import News, Word, read_word, write_word


def words(box: Mailbox) -> list[Word]:
    heard: list[Word] = []
    box.read(heard.append)
    return heard


@pytest.fixture
def boxes() -> Iterator[list[Mailbox]]:
    boxes = open_mailboxes(3)
    yield boxes
    for box in boxes:
        box.close()


def test_a_word_reaches_all_but_who_said_it(boxes: list[Mailbox]) -> None:
    word = Word(News.SESSION_OVER, "main", "k3y\0")
    boxes[1].tell(word)
    assert [words(box) for box in boxes] == [[word], [], [word]]
    assert words(boxes[0]) == []


def test_a_box_that_nobody_reads_holds_nobody_up(boxes: list[Mailbox]) -> None:
    full, other, _ = boxes
    for number in range(5000):
        other.tell(Word(News.SESSION_OVER, "main", str(number)))
    heard = words(full)
    assert heard[0].key == "0"


@pytest.mark.parametrize("message", [b"", b"[]", b"{}", b'["dance","",""]', b"[1,2]", b"\xff", b"3"])
def test_what_is_no_word_is_left_alone(message: bytes) -> None:
    assert read_word(message) is None


def test_words_are_written_as_they_are_read() -> None:
    for word in (Word(News.PHASE), Word(News.SESSION_OVER, "a", "b")):
        assert read_word(write_word(word)) == word
