"""What became of a message, as text that is equal where two systems did the same.

Queue ids, times that the system wrote, message ids that it made, process ids and paths are taken
out; everything else stands as it was.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

_QUEUE_ID = r"[0-9A-F]{9,17}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{14,}"
_LINE = re.compile(rf"postfix[\w/-]*/([\w-]+)\[\d+\]: ({_QUEUE_ID}): (.*)")
_STATUS = re.compile(
    r"to=<(.*?)>,(?: orig_to=<(.*?)>,)? relay=(.*?),.* dsn=([\d.]+), status=(\w+) \((.*)\)$"
)
_SUCCESSOR = re.compile(rf"(?:forwarded as|notification:) ({_QUEUE_ID})\b")
_REPORT = "Content-Type: multipart/report;"
_FOR_PEOPLE = re.compile(r"(?s)(\n\n).*?\n--([^\n]+)\n.*?(\n--\2\n)")
_ACTION = re.compile(r"[a-z_]+: ")
_RECEIVERS = ("smtpd", "cleanup", "pickup")
_MAILDIR = ("new", "cur", "tmp")


class Delivery(NamedTuple):
    """What a recording command was given."""

    transport: str
    nexthop: str
    sender: str
    recipient: str
    original: str
    queue_id: str
    content: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what is in a record."""
        *words, content = path.read_bytes().split(b"\n", 6)
        return cls(*map(_text, (*words, content)))

    def order(self) -> tuple[str, ...]:
        """Return by what deliveries are put into an order that is the same for both systems."""
        subject = re.search(r"(?m)^Subject:.*$", self.content)
        told_of = re.findall(r"(?m)^Final-Recipient:.*$", self.content)
        return (*self[:5], subject[0] if subject else "", *told_of)

    def told(self) -> str:
        """Return the delivery as lines of a story; what a report says to people is its own."""
        head = f"delivered by {self.transport} to <{self.recipient}> at [{self.nexthop}]"
        head += f" from <{self.sender}>, was <{self.original}>\n"
        content = "".join(_without_text(self.content))
        return head + "".join(f"    {line}\n" for line in content.split("\n"))


def _without_text(content: str) -> Iterator[str]:
    """Yield *content* without what reports, also those that it has attached, say to people."""
    while (start := content.find(_REPORT)) >= 0:
        match = _FOR_PEOPLE.search(content, start)
        if match is None:
            break
        yield content[: match.end(1)]
        content = content[match.start(3) :]
    yield content


@dataclass(frozen=True)
class Log:
    """The lines of a mail log that belong to messages: (program, queue id, text)."""

    lines: tuple[tuple[str, str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the log in *text*."""
        found = (_LINE.search(line) for line in text.split("\n"))
        return cls(tuple((match[1], match[2], match[3]) for match in found if match))

    def handed_in(self) -> list[str]:
        """Return the queue ids of mail from sendmail, in the order of their pickup."""
        return [qid for program, qid, text in self.lines if program == "pickup" and "uid=" in text]

    def family(self, queue_id: str) -> set[str]:
        """Return a message with those that were made of it: forwarded mail, notices."""
        family = {queue_id}
        todo = [queue_id]
        while todo:
            parent = todo.pop()
            for _, qid, text in self.lines:
                child = _SUCCESSOR.search(text) if qid == parent else None
                if child and child[1] not in family:
                    family.add(child[1])
                    todo.append(child[1])
        return family

    def statuses(self, family: Iterable[str]) -> Iterator[str]:
        """Yield the end of each attempt for each recipient of some messages."""
        wanted = set(family)
        for _, qid, text in self.lines:
            status = _STATUS.match(text) if qid in wanted else None
            if status:
                to, original, relay, dsn, word, reason = status.groups()
                was = f" (was <{original}>)" if original else ""
                yield f"status of <{to}>{was} at {relay}: {dsn} {word}: {reason}\n"

    def actions(self, queue_id: str) -> Iterator[str]:
        """Yield what was done to a message by a rule when it came in: hold, discard, warn, ..."""
        for program, qid, text in self.lines:
            if qid == queue_id and program in _RECEIVERS and _ACTION.match(text):
                yield f"{program}: {text}\n"


@dataclass(frozen=True)
class Normal:
    """Takes out of a text what differs from one run to the next."""

    root: Path
    patterns: tuple[tuple[re.Pattern[str], str], ...]

    @classmethod
    def of(cls, root: Path, log: Log) -> Self:
        """Return that of the system below *root*, which gave out the queue ids in *log*."""
        known = "|".join(sorted({re.escape(queue_id) for _, queue_id, _ in log.lines})) or "(?!)"
        marks = (
            (rf"\b\d{{14}}\.(?:{known})@", "MADE-ID@"),
            (rf"\b(?:{known})\.\d+/", "BOUNDARY/"),
            (rf"\b(?:{known})\b", "QUEUE-ID"),
            (r"\w{3}, +\d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4} \(\w+\)", "DATE"),
            (r"^From (.*)  \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", r"From \1  DATE"),
        )
        compiled = tuple((re.compile(pattern, re.MULTILINE), mark) for pattern, mark in marks)
        return cls(root, compiled)

    def __call__(self, text: str) -> str:
        """Return *text* without it."""
        text = text.replace(str(self.root), "ROOT")
        for pattern, mark in self.patterns:
            text = pattern.sub(mark, text)
        return text


def files_told(folder: Path, normal: Normal) -> str:
    """Return the files below a folder: their names and contents, messages in a fixed order."""
    told = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder)
            shown = name.parent if name.parent.name in _MAILDIR else name
            chunks = re.split(r"(?m)^(?=From )", normal(_text(path.read_bytes())))
            told.append(f"file {shown}\n" + "".join(sorted(chunks)))
    return "".join(sorted(told))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
