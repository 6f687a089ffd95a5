"""The same asked of Postfix and of ours at the same time, since either waits for most of it.

theirs, ours = side_by_side(root, see)  # see(PostfixOracle, folder), see(MailSystem, folder)
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.support.mail_system import MailSystem
from tests.support.postfix_oracle import PostfixOracle

T = TypeVar("T")
System = MailSystem | PostfixOracle
Kind = type[MailSystem] | type[PostfixOracle]


def side_by_side(root: Path, see: Callable[[Kind, Path], T]) -> tuple[T, T]:
    """Return what is to be seen of Postfix and of ours, each in a folder of its own in *root*."""
    with ThreadPoolExecutor(2) as pool:
        theirs = pool.submit(see, PostfixOracle, root / "postfix")
        ours = pool.submit(see, MailSystem, root / "ours")
        return theirs.result(), ours.result()
