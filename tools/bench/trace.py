"""Judges what strace saw of smtpd: was each message on the disk before its 250 left?

A message is on the disk when a sync of the write-ahead log has returned that began after the
message's commit was written. That is so with the last page of the transaction that carries it; the
header of that page's frame tells. Each message is known by two marks, in its sender and at its end,
and both must be written; the end of a large message may be so before its commit.

The order of lines is proof enough: strace lets a thread go on only after its line is written, so
what a sync's return has caused stands below it. Files are known by their path, and any thread may
write, sync or send.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LOG_NAME = "spool.db-wal"
PROMISE = b"250 2.0.0 Ok: queued as "
WRITES = {"pwrite64", "pwritev"}
SYNCS = {"fsync", "fdatasync"}
SENDS = {"write", "writev", "sendto", "sendmsg"}
READS = {"read", "recvfrom", "recvmsg"}

# A page may end within a mark; of several in a row at most one is cut.
COPIES_OF_A_MARK = 3

_MARK = re.compile(rb"mark-(?:sender|end)-\d+-")
_MAIL = re.compile(rb"MAIL FROM:<(mark-sender-(\d+)-)")
_LINE = re.compile(r"(\d+) +(.*)\n")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_CALL = re.compile(r"(\w+)\(\d+<(.+?)>[,) ]")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FRAME_HEADER = 24
_PAGES_AFTER_COMMIT = slice(4, 8)


def sender(token: int) -> str:
    """Return the envelope sender of a message."""
    return f"mark-sender-{token}-@bench.example"


def mark(token: int) -> bytes:
    """Return the last lines of a message."""
    return b"mark-end-%d-\r\n" % token * COPIES_OF_A_MARK


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on a file or connection, and the numbers of the lines where it stands."""

    thread: str
    name: str
    where: str
    data: bytes
    result: str
    began: int
    ended: int


@dataclass(slots=True)
class Verdict:
    """The messages whose 250 came after their sync; a sentence for each promise that was broken."""

    kept: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    syncs: int = 0


def judge(lines: Iterable[str]) -> Verdict:
    """Return the verdict on a trace, as `strace -f -yy -o FILE` writes it."""
    verdict = Verdict()
    log = _Log()
    senders: dict[str, int] = {}
    for call in _calls(lines):
        if call.where.endswith(LOG_NAME):
            log.take(call)
        elif call.name in READS and (found := _MAIL.search(call.data)):
            senders[call.where] = int(found[2])
        elif call.name in SENDS and PROMISE in call.data:
            token = senders.pop(call.where, None)
            if token is None:
                verdict.broken.append(f"line {call.began}: a 250 for a message that nobody sent")
            elif reason := log.lacks(token, call.began):
                verdict.broken.append(f"line {call.began}: message {token}: {reason}")
            else:
                verdict.kept.append(token)
    verdict.syncs = len(log.syncs)
    return verdict


class _Log:
    """What has been written to the write-ahead log, and which syncs of it have returned."""

    def __init__(self) -> None:
        self.syncs: list[tuple[int, int]] = []
        self._committed: dict[bytes, int] = {}
        self._pending: defaultdict[str, set[bytes]] = defaultdict(set)
        self._last_page: dict[str, bool] = {}

    def take(self, call: Call) -> None:
        """Take a write or a sync into account."""
        if call.name in SYNCS and call.result == "0":
            self.syncs.append((call.began, call.ended))
        elif call.name in WRITES and len(call.data) == _FRAME_HEADER:
            self._last_page[call.thread] = any(call.data[_PAGES_AFTER_COMMIT])
        elif call.name in WRITES:
            marks = self._pending[call.thread]
            marks.update(_MARK.findall(call.data))
            if self._last_page.get(call.thread):
                for mark in marks:
                    self._committed.setdefault(mark, call.ended)
                marks.clear()

    def lacks(self, token: int, now: int) -> str:
        """Return what a message lacks to be on the disk at line *now*, "" if it is there."""
        marks = (b"mark-sender-%d-" % token, b"mark-end-%d-" % token)
        written = [self._committed.get(mark, now) for mark in marks]
        if max(written) >= now:
            return "250 before its commit was written"
        if not any(began > max(written) and ended < now for began, ended in self.syncs):
            return "250 before a sync of its commit had returned"
        return ""


def _calls(lines: Iterable[str]) -> Iterator[Call]:
    """Yield the calls; a send as soon as it begins, everything else when it has returned."""
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        thread, text = found.groups()
        began = number
        if text.endswith(_UNFINISHED):
            text = text.removesuffix(_UNFINISHED)
            begun[thread] = (number, text)
            if text.partition("(")[0] not in SENDS:
                continue
        elif resumed := _RESUMED.match(text):
            began, start = begun.pop(thread, (number, ""))
            if start.partition("(")[0] in SENDS:
                continue
            text = start + text[resumed.end() :]
        if call := _CALL.match(text):
            name, where = call.groups()
            result = text.rpartition(" = ")[2].strip()
            yield Call(thread, name, where, _data(text[call.end() :]), result, began, number)


def _data(arguments: str) -> bytes:
    """Return the bytes of all strings among the arguments, of which strace prints them as in C."""
    return b"".join(ast.literal_eval(f'b"{text}"') for text in _STRING.findall(arguments))
