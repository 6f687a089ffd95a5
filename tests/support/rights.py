"""Folders of a test that another user is to enter."""

import tempfile
from pathlib import Path


def let_everybody_into(folder: Path) -> None:
    """Let every user pass through *folder* and the folders above it that the tests have made."""
    temporary = Path(tempfile.gettempdir())
    for path in (folder, *folder.parents):
        if path == temporary:
            return
        path.chmod(path.stat().st_mode | 0o055)
