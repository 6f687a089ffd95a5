"""qshape of Debian's Postfix and ours: the same table of the same queue.

Its tool reads queue files, of which these have what it looks at. Domains with equally many messages
and equally long names come in any order there: lines that differ in the name alone are sorted.
"""

import getpass
import itertools
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from spoolmta.cli.queue_tools.qshape import main
from spoolmta.clock import SystemClock
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.message.queue_id import MessageIds, format_queue_id
from spoolmta.spool import queues
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.queues import NewMessage
from tests.support.oracle import SBIN, Answer, needs_postfix, ours, postfix

pytestmark = [
    needs_postfix,
    pytest.mark.skipif(not (SBIN / "qshape").exists(), reason="Debian's qshape is not installed"),
]

DOMAINS = (
    "a.example", "mail.a.example", "b.mail.a.example", "c.example", "x.y.z.test", "far.test",
    "a-name-that-is-much-too-long-for-the-column.of.a.long.example", "B.EXAMPLE", "..dots..test.",
    *(f"sub{number}.parent.example" for number in range(7)),
)  # fmt: skip
AGES = (10, 400, 700, 1000, 1900, 3000, 5000, 12000, 25000, 40000, 90000, 500000)
QUEUES = ("incoming", "hold")
MESSAGES = 150


class Item(NamedTuple):
    queue: str
    sender: str
    recipients: tuple[str, ...]
    arrived_at: int


class Site(NamedTuple):
    folders: Path
    configuration: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    root = tmp_path_factory.mktemp("shape")
    (root / "main.cf").write_text(
        f"compatibility_level = 3.6\nmail_owner = {getpass.getuser()}\nqueue_directory = {root}\n"
    )
    (root / "master.cf").write_text("")
    items = _items(random.Random(6))
    _write_files(root, items)
    _write_spool(root, items)
    return Site(root, root)


def _items(chance: random.Random) -> list[Item]:
    now = int(time.time())
    return [
        Item(
            chance.choice(QUEUES),
            chance.choice(("", "root", f"s@{chance.choice(DOMAINS)}")),
            tuple(
                f'"a@b"{number}@{chance.choice(DOMAINS)}' for number in range(chance.randint(1, 4))
            ),
            now - chance.choice(AGES),
        )
        for _ in range(MESSAGES)
    ]


def _write_files(root: Path, items: Sequence[Item]) -> None:
    for number, item in enumerate(items):
        path = root / item.queue / f"{0xABC000 + number:X}"
        path.parent.mkdir(exist_ok=True)
        records = [
            ("C", f"{0:15d} {0:15d} {1:15d} {0:15d} {0:15d}"),
            ("T", f"{item.arrived_at} 0"),
            ("S", item.sender),
            *(("R", recipient) for recipient in item.recipients),
            ("M", ""),
            ("X", ""),
            ("E", ""),
        ]
        path.write_bytes(b"".join(_record(kind, data) for kind, data in records))
        path.chmod(0o700)


def _record(kind: str, data: str) -> bytes:
    return kind.encode() + bytes([len(data)]) + data.encode()


def _write_spool(root: Path, items: Sequence[Item]) -> None:
    clock = SystemClock()
    spool = Spool.open(root / FILE_NAME, clock, create=True)
    ids = MessageIds(1, clock)
    with spool.transaction() as tx:
        for item in items:
            number = ids.next()
            envelope = Envelope(item.sender, tuple(map(Recipient, item.recipients)))
            message = NewMessage(
                number, format_queue_id(number), envelope, 2, (b"\r\n",), item.arrived_at
            )
            queues.enqueue(tx, item.queue, message)
    spool.close()


OPTIONS = [
    (), ("-s",), ("-p",), ("-s", "-p", "-m", "1"), ("-p", "-m", "3"), ("-l",), ("-l", "-b", "4"),
    ("-b", "1"), ("-b", "2"), ("-b", "20"), ("-b", "15", "-w", "120"), ("-t", "60"), ("-w", "100"),
    ("-t", "2.5", "-b", "6"), ("-w", "10", "-b", "14"), ("-pls",), ("-b", "0", "-t", "x"),
]  # fmt: skip


@pytest.mark.parametrize("queues_", [("incoming",), QUEUES], ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_table_is_the_same(
    site: Site, options: tuple[str, ...], queues_: tuple[str, ...]
) -> None:
    folders = [str(site.folders / queue) for queue in queues_]
    theirs = postfix("qshape", *options, *folders)
    mine = ours(main, "qshape", "-c", str(site.configuration), *options, *folders)
    assert _sorted(mine) == _sorted(theirs)
    assert mine.out.count("\n") > 5


def _sorted(answer: Answer) -> tuple[int, list[tuple[str, int]]]:
    """Return the lines; of those with equal totals and lengths of names, sorted ones."""
    lines = answer.out.splitlines()

    def weight(line: str) -> tuple[str, ...]:
        return tuple(line.split()[1:2])

    groups = [sorted(group) for _, group in itertools.groupby(lines[1:], weight)]
    return answer.status, [(line, len(line)) for group in [lines[:1], *groups] for line in group]
