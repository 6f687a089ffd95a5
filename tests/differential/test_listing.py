"""The listing of the queue for people and for programs: that of Postfix and ours, of one mail.

From an empty queue over one message to mail in several states: with odd, long and foreign
addresses, with a reason for each recipient, on its way to a server that does not answer, on hold,
and marked to be returned.
"""

import json
import re
import socket
from collections.abc import Iterator

import pytest

from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import is_installed
from tests.support.tools_twin import Side, listing, twins

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

Sides = tuple[Side, Side]
LONG = f"{'l' * 60}@{'d' * 60}.{'e' * 60}.far.example"
MAIL = {
    "reasons": ("-f", "me@here.example", "a@far.example", "b@site.example", "c@other.example"),
    "long": ("-f", LONG, LONG),
    "quoted": ("-f", '"a b"@here.example', '"c d"@far.example', '"e\\"f,g"@far.example'),
    "foreign": ("-f", "grüße@here.example", "bücher@far.example"),
    "null": ("-f", "<>", "h@far.example"),
}
ON_ITS_WAY = ("-f", "me@here.example", "i@slow.example")
LISTINGS = (("mailq",), ("postqueue", "-p"), ("sendmail", "-bp"))


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # Who connects hears nothing for long.
        port = silent.getsockname()[1]
        way = f"inline:{{ {{slow.example = smtp:[127.0.0.1]:{port}}} }}"
        with twins({}, {"transport_maps": way, "smtputf8_autodetect_classes": "all"}) as running:
            yield running


def listed(side: Side) -> list[str]:
    """Return what postqueue -j prints, a line a message, without ids, times and sizes."""
    said = side.ask("postqueue", "-j")
    assert (said.status, said.err) == (0, "")
    return sorted(_in_order(json.loads(line), line) for line in said.out.splitlines())


def _in_order(message: dict[str, list[object]], line: str) -> str:
    """Return a line with its recipients in a fixed order: who answers first is a matter of luck."""
    recipients = [json.dumps(one, ensure_ascii=False) for one in message["recipients"]]
    assert ", ".join(recipients) in line
    line = line.replace(", ".join(recipients), ", ".join(sorted(recipients)))
    return re.sub(r'("(?:arrival_time|message_size)": )\d+', r"\1N", line)


def people_read(text: str) -> list[str]:
    """Return a listing with its messages, and the reasons of each, in a fixed order, once each.

    A reason stands there twice where the answer for somebody else came in between.
    """
    return ["\n".join(sorted(set(message.split("\n")))) for message in listing(text)]


def same_listings(sides: Sides, messages: int) -> None:
    """Compare all listings, which have so many messages."""
    for words in LISTINGS:
        postfix, ours = (side.ask(*words) for side in sides)
        assert (ours.status, ours.err) == (postfix.status, postfix.err), words
        assert people_read(ours.out) == people_read(postfix.out), words
    postfix_lines, our_lines = map(listed, sides)
    assert our_lines == postfix_lines
    assert len(our_lines) == messages


def test_the_listings_are_the_same_whatever_is_in_the_queue(sides: Sides) -> None:
    same_listings(sides, 0)
    for count, (name, arguments) in enumerate(MAIL.items(), 1):
        for side in sides:
            side.hand_in(name, arguments)
        same_listings(sides, count)
    for side in sides:
        side.hand_in("way", ON_ITS_WAY, "active")
    same_listings(sides, len(MAIL) + 1)
    for side in sides:
        assert side.ask("postsuper", "-h", "{long}", "-h", "{null}", "-e", "{quoted}").status == 0
        assert side.ask("postsuper", "-e", "{null}").status == 0
    same_listings(sides, len(MAIL) + 1)
    for side in sides:
        assert side.ask("postsuper", "-d", "{reasons}", "-d", "{way}").status == 0
    same_listings(sides, len(MAIL) - 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("mailq", "operand"), ("mailq", "-i"), ("mailq", "-q"),
        ("postcat", "-q", "NOSUCH"), ("postcat", "-q", "a/b"), ("postcat", "-q", ""),
        ("postcat", "-Z"), ("postqueue", "-j", "-p"), ("postqueue", "-j", "operand"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_words_are_answered_the_same(sides: Sides, arguments: tuple[str, ...]) -> None:
    postfix, ours = (side.ask(*arguments) for side in sides)
    assert (ours.status, ours.err) == (postfix.status, postfix.err)
