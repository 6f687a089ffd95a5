"""A table changes the lines of replies before anybody sees them."""

import asyncio

import pytest

from spoolmta.agents.smtp.reply_filter import LONGEST_LINE, ReplyFilter
from spoolmta.errors import MapUnavailable
from spoolmta.maps import open_maps

TABLE = "inline:{ {550-no = 450-later}, {250-SIZE = 250-NONE} }"


def filtered(*pieces: bytes, table: str = TABLE) -> tuple[list[bytes], bool]:
    """Return what comes of each piece, and whether nothing is kept at the end."""

    async def run() -> tuple[list[bytes], bool]:
        replies = ReplyFilter(open_maps(table))
        said = [await replies.rewrite(piece) for piece in pieces]
        return said, replies.is_empty

    return asyncio.run(run())


def test_each_line_is_looked_up_for_itself() -> None:
    said, is_empty = filtered(b"250-mx\r\n250-SIZE\r\n250 DSN\n")
    assert said == [b"250-mx\r\n250-NONE\r\n250 DSN\n"]
    assert is_empty


def test_a_line_waits_for_its_end() -> None:
    said, is_empty = filtered(b"250 ok\r\n550-", b"no", b"\r\n25")
    assert said == [b"250 ok\r\n", b"", b"450-later\r\n"]
    assert not is_empty


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    long = b"2" * (LONGEST_LINE + 1)
    assert filtered(long) == ([long], True)


def test_a_table_that_gives_no_answer_leaves_the_reply_open() -> None:
    with pytest.raises(MapUnavailable):
        filtered(b"250 ok\r\n", table="fail:down")
