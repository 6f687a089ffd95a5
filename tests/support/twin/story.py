"""What became of a message, as text that is equal where two systems did the same.

Queue ids, times that the system wrote, message ids that it made, process ids and paths are taken
out; everything else stands as it was.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

_QUEUE_ID = r"[0-9A-F]{9,17}"
_MARKS = (
    (rf"\b\d{{14}}\.{_QUEUE_ID}@", "MADE-ID@"),
    (rf"\b{_QUEUE_ID}\.\d+/", "BOUNDARY/"),
    (rf"\b{_QUEUE_ID}\b", "QUEUE-ID"),
    (r"\w{3}, +\d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4} \(\w+\)", "DATE"),
    (r"^From (.*)  \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", r"From \1  DATE"),
)
_NORMAL = [(re.compile(pattern, re.MULTILINE), text) for pattern, text in _MARKS]
_LINE = re.compile(rf"postfix[\w/-]*/([\w-]+)\[\d+\]: ({_QUEUE_ID}): (.*)")
_STATUS = re.compile(
    r"to=<(.*?)>,(?: orig_to=<(.*?)>,)? relay=(.*?),.* dsn=([\d.]+), status=(\w+) \((.*)\)$"
)
_SUCCESSOR = re.compile(rf"(?:forwarded as|notification:) ({_QUEUE_ID})\b")
_REPORT = "Content-Type: multipart/report;"
_FOR_PEOPLE = re.compile(r"(?s)(\n\n).*?\n--([^\n]+)\n.*?(\n--\2\n)")
_ENCODING = re.compile(r"(?m)^Content-Transfer-Encoding: [78]bit\n")
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

    def told(self) -> str:
        """Return the delivery as lines of a story; what a report says to people is its own."""
        head = f"delivered by {self.transport} to <{self.recipient}> at [{self.nexthop}]"
        head += f" from <{self.sender}>, was <{self.original}>\n"
        content = self.content
        if _REPORT in content:
            content = _FOR_PEOPLE.sub(r"\1--\2\n\3", _ENCODING.sub("", content), count=1)
        return head + "".join(f"    {line}\n" for line in content.split("\n"))


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


def normal(text: str, root: Path) -> str:
    """Return *text* without what differs from one run to the next."""
    text = text.replace(str(root), "ROOT")
    for pattern, mark in _NORMAL:
        text = pattern.sub(mark, text)
    return text


def files_told(folder: Path) -> str:
    """Return the files below a folder: their names and contents, messages in a fixed order."""
    told = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder)
            shown = name.parent if name.parent.name in _MAILDIR else name
            chunks = re.split(r"(?m)^(?=From )", normal(_text(path.read_bytes()), folder.parent))
            told.append(f"file {shown}\n" + "".join(sorted(chunks)))
    return "".join(sorted(told))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
