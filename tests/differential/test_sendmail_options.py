"""The command line of sendmail: exit status and words are those of Postfix."""

from collections.abc import Iterator

import pytest

from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import is_installed
from tests.support.tools_twin import MAIL, NOBODY, Side, twins

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

TO = "a@site.example"
QUEUE = """\
-q | -qI{plain} | -qIABCDEF | -qIa/b | -qI | -qRsite.example | -qRfar.example | -qR | -qR a
-qR@x
-qSfoo | -qS | -q5m | -q1h30m | -q0 | -q5m -bp | -bp -q5m | -q5m -bz | -q5 -Z | -qx | -qfoo
-q -q
-q a@b | -q - | -qI{plain} a@b | -qRsite.example a@b | -qRsite.example -t | -qRsite.example -q
-qRsite.example -bp | -qIABCDEF -bp | -qIABCD -qRsite.example | -q5m a@site.example | -bs -q
"""
MODES = """\
-bz | -b | -bh | -bH | -bh a@b | -bH a -x | -bp a | -bp -t
-bs a | -bs -t | -bv | -bv -t | -bt | -bD | -ba | -bd a | -bl a | -bd -t | -bd -q -t | -q -bd -t
-bd -q1h -t | -bh -t | -bh -qRsite.example | -bm -t a@site.example | -bm
-bv -N delay a@site.example | -t -bm | -t
-bv -R hdrs a@site.example | -bv -v a@site.example | -v a@site.example | -f x@y.example -bv
"""
VALUES = """\
-N bogus a@site.example | -N never,success a@site.example | -N delay a@site.example
-N SUCCESS -bh
-N success,,delay -bh | -Nnever,bogus -bh | -N success;delay -bh | -N a -N b -bh | -N never -bh
-R bogus a@site.example | -R hdrs a@site.example | -R FULL -bh | -V xyz a@site.example
-B foo a@site.example | -B 7BIT a@site.example | -B8BITMIME a@site.example | -B 8bitmime -bh
-XVxy a@site.example | -XVab a@site.example | -XV+ | -XV+=x a@site.example
-X /dev/null a@site.example
-XV -f <> a@site.example | -V+= -f <> a@site.example | -XW -bh | -XV -f x@y.example
"""
OLD = """\
-L lab a@site.example | -O foo=bar a@site.example | -U a@site.example | -h 5 a@site.example
-m a@site.example | -n a@site.example | -i a@site.example | -oi a@site.example
-o7 a@site.example
-o8 a@site.example | -om a@site.example | -oem a@site.example | -ox value | -o Q a@site.example
-ooo -bh | -o x -bh | -e m a@site.example
-em a@site.example | -Am a@site.example | -Ac a@site.example | -Ax a@site.example
-G a@site.example
-p prot a@site.example | -c a@site.example | -x | -vv -bh | -v -v -bh | -A -bh | -h -bh | -p -bh
"""
NONE = """\
-Z -Y a | -bz -Z | -qx -Z | -N | -Q -N | -B | -C | -F | -L | -O | -R | -V | -X | -e | -f | -h
-o | -r
-E a | -T a | -k a | -d | -D a | -j | -l | -s | -S | -W | -y | -z | -1 | -? | -K | -M 5 | -H
-J | -P
-- | - | -- -x | a@site.example -x | -bh -- -x
"""
MORE = """\
-bm -bv a@site.example | -bv a@site.example | -bv -V xyz a@site.example
-bi | -bi a | -bi -t | -I | -I a | -I -bh | -oA -bi | -oA | -oA/nosuch -bi | -oAhash:/nosuch -bi
-bp -oA
"""
SENDERS = """\
-f a b@site.example | -f a,b c@site.example | -f <x@y> c@site.example | -fa(b c@site.example
-f x@y.example | -f x@y.example -t | -f <> -t | -f a -t | -f a(b -t | -f a,b -t | -f a@b@c -t
-r a c@site.example | -r a -t
"""


def lines(text: str) -> list[tuple[str, ...]]:
    """Return the command lines in a text; a bar or a line end is between them."""
    return [tuple(one.split()) for line in text.splitlines() for one in line.split(" | ")]


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Side, Side]]:
    with twins({"plain": MAIL["plain"]}) as running:
        yield running


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        *(
            (text, uid)
            for text in (QUEUE, MODES, VALUES, OLD, NONE, SENDERS)
            for uid in (0, NOBODY)
        ),
        (MORE, 0),
    ],
)
def test_sendmail_says_the_same(sides: tuple[Side, Side], text: str, uid: int) -> None:
    stdin = "Subject: case\n\nhello\n"
    told = [
        [
            (words, side.ask("sendmail", *words, stdin=stdin, uid=uid))
            for words in [(), *lines(text)]
        ]
        for side in sides
    ]
    assert [two for two in zip(*told, strict=True) if two[0] != two[1]] == []


def test_a_configuration_that_is_not_there_is_told_the_same(sides: tuple[Side, Side]) -> None:
    for words in (("-C", "/nosuch", "-q"), ("-C/nosuch/main.cf", "-bp"), ("-C", "/nosuch", TO)):
        postfix, ours = (side.ask("sendmail", *words, stdin="x\n") for side in sides)
        assert ours == postfix, words


def test_empty_values_are_answered_the_same(sides: tuple[Side, Side]) -> None:
    for option in "NRVBXb":
        postfix, ours = (side.ask("sendmail", f"-{option}", "", "-bh") for side in sides)
        assert ours == postfix, option
