"""Combinations of postmap's options, drawn by a seed: the same is answered, and the same is left.

What is compared, and what is not, is told in test_postmap_files.py. Beside that, what is meant:

- -v makes Postfix print its own workings: of what is printed with it, warnings alone are compared;
- with -b or -h Postfix prints the content of files (-F) as base64;
- an empty key is not found in an lmdb table, in Postfix it ends the command;
- to delete from an lmdb table that is not there is an error, in Postfix it makes an empty one.
"""

import random

import pytest

from tests.differential.test_postmap_files import Sides, folder, sides
from tests.support.oracle import needs_postfix

pytestmark = needs_postfix

__all__ = ["folder", "sides"]

_SOURCE = "Key1 one\nkey2 two\nKEY1 again\nFile main.cf\nk\xc4y v\xe4l\n"
_FLAGS = ["-f", "-u", "-U", "-F", "-w", "-r", "-o", "-p"]


@pytest.mark.parametrize("seed", range(8))
def test_changes_leave_the_same_table(sides: Sides, seed: int) -> None:
    chosen = random.Random(seed)
    sides.write("table", _SOURCE)
    sides.write("main.cf", "in a file\n")
    # Asked to delete from a table that is not there, Postfix makes an empty one.
    sides.same("postmap", "lmdb:table")
    for _ in range(3):
        flags = chosen.sample(_FLAGS, chosen.choice((0, 1, 1, 2, 3)))
        action = chosen.choice(((), ("-i",), ("-d", "key1"), ("-d", "-")))
        sides.same("postmap", *flags, *action, "lmdb:table", stdin="key1 new\nkey9 nine\n")
        sides.same("postmap", "-s", "lmdb:table")


_ASKED = {
    "t": "key1 one\nKey2 two\nb YQ==\nfile one\nboth one, two\nnone nofile\nk\xc4y v\xe4l\n",
    "bt": "key1 one\nkey2 YQ==\n192.0.2.1 addr\n",
    "rules": (
        "/^(k.y)1/ got $1\n/two/ two\n/^file/ one\n/^none/ nofile\n!/^[a-z0-9 ]/ other\n"
        "/^Subject: (.*)/ <$1>\n/body/ b64 YQ==\nif /^b/\n/b$/ one, two\nendif\n"
    ),
    "nets": "192.0.2.0/24 one\n198.51.100.0/24 nofile\n2001:db8::/32 two one\n",
    "one": "first\n",
    "two": "second",
}
_BUILT = ("hash:t", "lmdb:t", "cdb:t", "btree:bt")
_TABLES = (
    *_BUILT, "texthash:t", "inline:{key1=one, {KEY2 = nofile}, file=two, k\xc4y=v}", "static:one",
    "static:nofile", "static:{one two}", "inline:{key1=one, {KEY2 = two one}}", "static:",
    "regexp:rules", "pcre:rules", "cidr:nets", "regexp:{{/k/ one}}", "pcre:{{/k(.)/ $1}}",
    "cidr:{{192.0.2.1 nofile},{192.0.2.2 one}}", "hash:none", "lmdb:none", "cdb:none",
    "texthash:none", "regexp:none", "pcre:none", "cidr:none",
)  # fmt: skip
_KEYS = (
    "key1", "KEY2", "file", "both", "none", "b", "192.0.2.1", "198.51.100.7", "2001:db8::1", "",
    "k\xc4y", "K\xe4Y", "k\udce4", "two words",
)  # fmt: skip
_STDIN = "key1\nKEY2\n192.0.2.1\nfile\nSubject: x\n folded\n\nbody two\nk\udce4y\nb\n"
_HOW = ("-f", "-u", "-U", "-F", "-v", "-o", "-p", "-i", "-r", "-w", "-h", "-b", "-m", "-n", "-N")
_BATCH = 25


@pytest.mark.parametrize("seed", range(12))
def test_questions_are_answered_the_same(sides: Sides, seed: int) -> None:
    chosen = random.Random(seed)
    for name, content in _ASKED.items():
        sides.write(name, content)
    for table in _BUILT:
        sides.same("postmap", table)
    calls = {_question(chosen) for _ in range(_BATCH)}
    sides.all_same("postmap", sorted(calls), stdin=_STDIN)


def _question(chosen: random.Random) -> tuple[str, ...]:
    """Return a call that changes nothing, of those on which both are to agree."""
    while True:
        key = chosen.choice(_KEYS)
        tables = chosen.sample(_TABLES, chosen.choice((1, 1, 1, 2)))
        action = chosen.choice((("-q", key), ("-q", "-"), ("-q", "-"), ("-s",), ("-d", "absent")))
        options = chosen.sample(_HOW, chosen.choice((0, 1, 1, 2, 2, 3)))
        call = (*options, *action, *tables)
        of_message = "-b" in options or "-h" in options
        has_lmdb = any(table.startswith("lmdb:") for table in tables)
        is_odd = (
            ("-F" in options and of_message)
            or (bool({"-n", "-N"} & set(options)) and bool({"hash:t", "btree:bt"} & set(tables)))
            or (has_lmdb and (key == "" or of_message))
            or ("-d" in action and "lmdb:none" in tables)
        )
        if not is_odd:
            return call
