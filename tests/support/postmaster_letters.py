"""Letters to the postmaster, and the mailboxes of Postfix and ours that they go to."""

import os
import pwd
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.support.side_by_side import Kind, side_by_side

T = TypeVar("T")


def of_both(see: Callable[[Kind, Path], T]) -> tuple[T, T]:
    """Return what is to be seen of Postfix and of ours, in folders that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="letters-") as folder:
        Path(folder).chmod(0o755)
        return side_by_side(Path(folder), see)


def mailboxes(root: Path) -> tuple[Path, dict[str, str]]:
    """Make *root* with virtual mailboxes in it; return their folder, and the settings."""
    boxes = root / "boxes"
    for folder in (root, boxes):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    owner = pwd.getpwnam("nobody").pw_uid
    os.chown(boxes, owner, -1)
    return boxes, {
        "virtual_mailbox_base": str(boxes),
        "virtual_uid_maps": f"static:{owner}",
        "virtual_gid_maps": "static:65534",
    }


def letter(text: str, changes: dict[str, str]) -> str:
    """Return what a letter says; *changes*, by pattern, are made in its body."""
    headers, _, body = text.replace("\r\n", "\n").partition("\n\n")
    kept = re.findall(r"(?m)^(?:From|To|Subject|Return-Path): .*$", headers)
    for pattern, instead in changes.items():
        body = re.sub(pattern, instead, body)
    return "\n".join([*kept, "", body])
