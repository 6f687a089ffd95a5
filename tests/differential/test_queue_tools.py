"""mailq, postqueue, postsuper and ETRN, asked of Postfix and of ours with the same mail."""

import re
from collections.abc import Iterator

import pytest

from tests.support.oracle import Answer, needs_postfix
from tests.support.postfix_oracle import is_installed
from tests.support.tools_twin import NOBODY, Side, listing, twins

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

Sides = tuple[Side, Side]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with twins() as running:
        yield running


def same(sides: Sides, *words: str, stdin: str = "", uid: int = 0) -> Answer:
    """Ask both, and compare all that they say."""
    postfix, ours = (side.ask(*words, stdin=stdin, uid=uid) for side in sides)
    assert ours == postfix, words
    return ours


@pytest.mark.parametrize("command", [("postqueue", "-p"), ("mailq",), ("sendmail", "-bp")], ids=str)
@pytest.mark.parametrize("uid", [0, NOBODY])
def test_the_listing_is_the_same(sides: Sides, command: tuple[str, ...], uid: int) -> None:
    postfix, ours = (side.ask(*command, uid=uid) for side in sides)
    assert (ours.status, ours.err) == (postfix.status, postfix.err) == (0, "")
    assert listing(ours.out) == listing(postfix.out)
    assert len(listing(ours.out)) == 7


def test_the_json_listing_is_the_same(sides: Sides) -> None:
    told = []
    for side in sides:
        for message in side.listed():
            message["queue_id"] = side.named(str(message["queue_id"]))
            message["arrival_time"] = message["message_size"] = 0
            told.append(message)
    assert [list(message) for message in told[:5]] == [list(message) for message in told[5:]]
    assert sorted(map(str, told[:5])) == sorted(map(str, told[5:]))


ETRN = (
    "ETRN site.example", "EHLO client.example", "ETRN", "ETRN a b", "ETRN site.example",
    "ETRN @site.example", "ETRN #site.example", "ETRN SITE.EXAMPLE", "ETRN x.sub.example",
    "ETRN sub.example", "ETRN y.other.example", "ETRN far.example", "ETRN [192.0.2.1]",
    "ETRN 192.0.2.1", "ETRN <site.example>", "ETRN -bad-", "ETRN a..b", "ETRN @",
    "MAIL FROM:<me@here.example>", "ETRN site.example", "RSET", "ETRN other.example",
)  # fmt: skip


def test_etrn_is_answered_the_same(sides: Sides) -> None:
    postfix, ours = (side.dialogue(*ETRN) for side in sides)
    said = dict(zip(enumerate(ETRN), zip(postfix, ours, strict=True), strict=True))
    said.pop((1, "EHLO client.example"))
    assert {command: one for command, (one, _) in said.items()} == {
        command: other for command, (_, other) in said.items()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("-f",), ("-s", "site.example"), ("-s", "SITE.example"), ("-s", "far.example"),
        ("-s", "x.sub.example"), ("-s", "y.other.example"), ("-s", "[192.0.2.1]"),
        ("-s", "192.0.2.1"), ("-s", "a..b"), ("-s", ""), ("-i", "{plain}"), ("-i", "ABCDEF"),
        ("-i", "a/b"), ("-i", ""), ("-p", "-f"), (), ("-x",), ("-s",), ("-p", "operand"),
        ("-p", "-p"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("uid", [0, NOBODY])
def test_postqueue_says_the_same(sides: Sides, arguments: tuple[str, ...], uid: int) -> None:
    same(sides, "postqueue", *arguments, uid=uid)


@pytest.mark.parametrize(
    "arguments", [("{null}", "-H", "{null}"), ("NOSUCH",), ("a/b",), ("",)], ids=str
)
@pytest.mark.parametrize("option", ["-d", "-h", "-H", "-e", "-f", "-r"])
def test_postsuper_of_what_is_not_there_says_the_same(
    sides: Sides, option: str, arguments: tuple[str, ...]
) -> None:
    if arguments[0] != "{null}":
        same(sides, "postsuper", option, *arguments)
    else:
        same(sides, "postsuper", "-h", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-d", "all"), ("-d", "ALL", "nosuch"), ("-d", "ALL", "saved"), ("-d", "ALL", "corrupt"),
        ("-d", "ALL", "trace"), ("-x",), ("-d",), (), ("-p",), ("-s",), ("-S",), ("-ps", "active"),
        ("-h", "ALL", "hold"), ("-H", "ALL", "deferred"), ("-e", "ALL", "maildrop"),
        ("-d", "A1", "-h", "B1", "-H", "C1", "-e", "D1", "-f", "E1", "-r", "F1"),
    ],
    ids=str,
)  # fmt: skip
def test_postsuper_of_nothing_says_the_same(sides: Sides, arguments: tuple[str, ...]) -> None:
    same(sides, "postsuper", *arguments)


def test_a_stranger_may_not_use_postsuper(sides: Sides) -> None:
    for arguments in (("-d", "ALL"), ("-p",), ("-s",)):
        same(sides, "postsuper", *arguments, uid=NOBODY)


POSTCAT = (
    "-q", "-oq", "-doq", "-dq", "-bq", "-hq", "-eq", "-ebq", "-ehq", "-bhq", "-ebhq", "-obq",
    "-ohq", "-odeq", "-rq", "-dbq", "-dhq", "-s0", "-s97", "-s99999",
    "-s5x", "-s-1", "-nq",
)  # fmt: skip
_VARIES = re.compile(
    r"(message_size:) .*|\tid <\w+>; .*|((?:message_arrival|create)_time): .*|^ *\d+ ", re.MULTILINE
)


def without_times(said: Answer) -> Answer:
    """Return what postcat says without what depends on the time and on the length of queue ids."""
    return Answer(said.status, _VARIES.sub(r"\1\2", said.out), said.err)


@pytest.mark.parametrize("option", POSTCAT)
def test_postcat_prints_the_same_records(sides: Sides, option: str) -> None:
    options = [option, "-q"] if option.startswith("-s") else [option]
    for name in ("two", "null", "quoted", "dsn"):
        postfix, ours = (side.ask("postcat", *options, f"{{{name}}}") for side in sides)
        assert without_times(ours) == without_times(postfix)


def test_offsets_of_records_are_the_same(sides: Sides) -> None:
    # From the second time on, which has a fixed length, to the content, which has queue ids.
    told = []
    for side in sides:
        lines = side.ask("postcat", "-oeq", "{dsn}").out.splitlines()[3:-2]
        told.append([int(line[:9]) - int(lines[0][:9]) for line in lines])
    assert told[0] == told[1]
    assert len(told[0]) == 11


def test_postcat_names_the_records_of_the_content(sides: Sides) -> None:
    for options in ("-vq", "-vdq", "-vbq"):
        postfix, ours = (without_times(side.ask("postcat", options, "{two}")) for side in sides)
        assert ours.out == postfix.out
        assert "regular_text: body\n" in ours.out


def test_marks_and_words_of_operations_are_the_same(sides: Sides) -> None:
    same(sides, "postsuper", "-h", "{two}", "-h", "{null}")
    same(sides, "postsuper", "-e", "-", stdin="{two}\n{quoted}\na b\n{quoted}\n")
    postfix, ours = (side.ask("postqueue", "-p") for side in sides)
    assert listing(ours.out) == listing(postfix.out)
    assert "<two>!#" in ours.out
    assert "<quoted>#" in ours.out
    same(sides, "postsuper", "-f", "{two}", "-H", "{null}", "-e", "{null}")
    same(sides, "postsuper", "-h", "{plain}", "-H", "{plain}")
    same(sides, "postsuper", "-h", "{dsn}", "-e", "{plain}", "-d", "{plain}", "-f", "{dsn}")
    same(sides, "postsuper", "-d", "ALL", "hold")
    for line in ("<two>: expired", "<two>: released from hold", "Force-expired: 2 messages"):
        assert all(f"]: {line}\n" in side.log() for side in sides), line
    same(sides, "postqueue", "-f")
