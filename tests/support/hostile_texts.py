"""Texts of 64 KB that are made to take long, and how long it takes to read one.

Time is that of this process, the best of three, as on a machine on which a loop of pure Python
takes `_LOOP_MS`: on a slower or a busy one, everything takes longer by the same factor. The loop is
run beside each measurement, for a busy machine is not equally busy all the time.
"""

import gc
import math
import time
from collections.abc import Callable

from hypothesis import strategies as st

SIZE = 65_536
_LOOP_STEPS = 100_000
_LOOP_MS = 4.0
_TIMES = 30

PARTS = [
    "<", ">", ",", ":", ";", "(", ")", '"', "[", "]", "\\", "!", "%", "@", ".", "a", " ", "\r\n ",
    "\x01", "\xe4", "a ", "a,", "a.", "a:", "a@b,", "a<b>,", "<a@b>", "<@a:", "g:a;", "@a,@b:",
    ">a;:", "(a", "()", "(())", "((()))", "(((())))", "a()", "()a ", "a()b@c,", '"" ', '"a" ',
    '"\\" ', '"\\', "\\a ", "[] ", "[\\] ",
]  # fmt: skip
HOSTILE = [
    *((part * SIZE)[:SIZE] for part in PARTS if part != "\xe4"),
    "\xe4" * (SIZE // 2),
    "(" * (SIZE // 2) + ")" * (SIZE // 2),
    ",".join(map(str, range(SIZE)))[:SIZE],
    " ".join(f'"{number}"' for number in range(SIZE))[:SIZE],
    " ".join(f"\\{number}" for number in range(SIZE))[:SIZE],
    ", ".join(f"{number}@{number}" for number in range(SIZE))[:SIZE],
]

HOSTILE_TEXTS = st.lists(
    st.sampled_from(PARTS) | st.text(st.characters(codec="utf-8"), max_size=3),
    min_size=1,
    max_size=12,
).map(lambda parts: ("".join(parts) * SIZE)[: SIZE // 4] or "a")
"""Any mixture of them, again and again: of 64 KB if it takes four bytes a character."""


def milliseconds(work: Callable[[], object], enough: float = 0.0) -> float:
    """Return how long *work* takes on a machine of usual speed that does nothing else.

    It is the best of some times, for what disturbs can only add; one below *enough* will do.
    """
    best = math.inf
    for _ in range(_TIMES):
        best = min(best, _took(work) / max(1.0, _took(_loop) / _LOOP_MS))
        if best < enough:
            break
    return best


def _took(work: Callable[[], object]) -> float:
    # What other tests left behind is not to be collected meanwhile; timeit does so, too.
    gc.disable()
    try:
        started = time.process_time()
        work()
        return (time.process_time() - started) * 1000
    finally:
        gc.enable()


def _loop() -> int:
    total = 0
    for number in range(_LOOP_STEPS):
        total += number & 7
    return total
