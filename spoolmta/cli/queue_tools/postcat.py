"""postcat: print queued messages as the records that Postfix would keep of them.

There are no queue files: a name is a queue id, with or without -q; a path is taken for the queue
id at its end, so that programs which build paths below queue_directory go on to work.

Postfix:  postcat(1)
Limits:   -r has no pointers to follow or not; -s goes on at the next record from the offset
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.cli.queue_tools.content_parts import split
from spoolmta.cli.queue_tools.queue_records import (
    END,
    EXTRACTED,
    LONGEST_TEXT,
    MESSAGE,
    TEXT,
    TEXT_PIECE,
    Record,
    envelope_records,
    extracted_records,
    record_size,
)
from spoolmta.message.queue_id import is_queue_id
from spoolmta.spool import content, queues
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.inspect import Entry

USAGE = (
    "postcat [-b (body text)] [-c config_dir] [-d (decimal record type)]"
    " [-e (envelope records)] [-h (header text)] [-q (access queue)] [-v] [file(s)...]"
)

_LETTERS = "bc:dehoqrs:v"
_NAMES = {TEXT: b"regular_text: ", TEXT_PIECE: b"unterminated_text: "}


@dataclass(frozen=True, slots=True)
class Parts:
    """What is printed: body, header, envelope, all from an offset on; and before each record.

    *types* and *offsets* go before each record, *names* before those of the content.
    """

    body: bool
    header: bool
    envelope: bool
    types: bool
    offsets: bool
    names: bool
    start: int

    @property
    def are_plain(self) -> bool:
        """True if the content is printed as it is."""
        return not (self.types or self.offsets or self.names or self.start)


def main() -> NoReturn:
    """Run postcat."""
    command = Command("postcat")
    command.run(lambda: _postcat(command, sys.argv[1:]))


def _postcat(command: Command, arguments: Sequence[str]) -> int:
    options, names = command.options(arguments, _LETTERS, USAGE)
    given = dict(options)
    if not names and "-q" not in given:
        command.fatal(f"usage: {USAGE}: a queue id is needed, there are no queue files to read")
    everything = not given.keys() & {"-b", "-h", "-e"}
    parts = Parts(
        body=everything or "-b" in given,
        header=everything or "-h" in given,
        envelope=everything or "-e" in given,
        types="-d" in given,
        offsets="-o" in given,
        names="-v" in given,
        start=_offset(command, given.get("-s", "0")),
    )
    with Access(given.get("-c")).spool() as spool:
        for name in names:
            _print_message(spool, _find(command, spool, name, queue="-q" in given), parts)
    return 0


def _offset(command: Command, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        command.fatal(f"bad offset: {text}")
    return int(text)


def _find(command: Command, spool: Spool, name: str, *, queue: bool) -> Entry:
    queue_id = name if queue else name.rpartition("/")[2]
    if queue and not is_queue_id(name):
        command.fatal(f"bad mail queue ID: {name}")
    entry = inspect.find(spool, queue_id)
    if entry is None:
        what = f"queue file {name}" if queue else name
        command.fatal(f"open {what}: No such file or directory")
    return entry


def _print_message(spool: Spool, entry: Entry, parts: Parts) -> None:
    message = queues.load(spool, [entry.message_id])[0]
    answers = list(inspect.recipients(spool, entry.message_id))
    path = f"{entry.state}/{entry.queue_id}"
    printer = _Printer(parts)
    if parts.envelope and not parts.start:
        sys.stdout.buffer.write(f"*** ENVELOPE RECORDS {path} ***\n".encode())
    records = envelope_records(entry, message, answers)
    printer.envelope(*records, Record(MESSAGE, f"*** MESSAGE CONTENTS {path} ***"))
    if parts.header or parts.body or parts.offsets or parts.start:
        header, body = split(content.read(spool, entry.message_id))
        printer.content([header], shown=parts.header)
        printer.content(body, shown=parts.body)
    printer.envelope(
        Record(EXTRACTED, f"*** HEADER EXTRACTED {path} ***"),
        *extracted_records(message.envelope),
        Record(END, f"*** MESSAGE FILE END {path} ***"),
    )
    sys.stdout.buffer.flush()


class _Printer:
    """Prints records, and counts where they would stand."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._at = 0

    def envelope(self, *records: Record) -> None:
        """Print records that are not content."""
        for record in records:
            text = record.text.encode("utf-8", "surrogateescape")
            self._print(record.kind, text, record.size, shown=self._parts.envelope)

    def content(self, pieces: Iterator[bytes] | list[bytes], *, shown: bool) -> None:
        """Print content with LF line ends; pieces may end inside a line."""
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\r\n")
            if not self._parts.are_plain:
                for line in lines:
                    self._print_line(line, shown=shown)
            elif lines and shown:
                sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
        if rest:
            self._print_line(rest, shown=shown)

    def _print_line(self, line: bytes, *, shown: bool) -> None:
        while len(line) > LONGEST_TEXT:
            self._print_text(TEXT_PIECE, line[:LONGEST_TEXT], shown=shown)
            line = line[LONGEST_TEXT:]
        self._print_text(TEXT, line, shown=shown)

    def _print_text(self, kind: str, text: bytes, *, shown: bool) -> None:
        name = _NAMES[kind] if self._parts.names else b""
        self._print(kind, name + text, record_size(len(text)), shown=shown)

    def _print(self, kind: str, text: bytes, size: int, *, shown: bool) -> None:
        parts = self._parts
        if shown and self._at >= parts.start:
            place = f"{self._at:9d} " if parts.offsets else ""
            place += f"{ord(kind):3d} " if parts.types else ""
            ends = kind != TEXT_PIECE or not parts.are_plain
            sys.stdout.buffer.write(place.encode() + text + (b"\n" if ends else b""))
        self._at += size


if __name__ == "__main__":
    main()
