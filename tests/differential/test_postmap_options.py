"""Combinations of postmap's options that change a table, drawn by a seed: the same is left of it.

What is compared, and what is not, is told in test_postmap_files.py. -v is left out: it makes
Postfix print its own workings; -n and -N make a table that is not asked without them.
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
