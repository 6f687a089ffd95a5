"""The configurations that docs/setups/ shows, taken out of its pages.

A file stands in a fenced block under a line with its path in backquotes. The folder of the
configuration is /etc/spoolmta; what lies elsewhere in /etc (aliases) is moved into it.
"""

import re
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).resolve().parents[2] / "docs" / "setups"
FOLDER = "/etc/spoolmta"

_FILE = re.compile(r"^`(/etc/[^`]+)`[^\n]*:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPLAIN = re.compile(r"^spoolmta (explain [^#\n]+?) +# (.+)$", re.MULTILINE)


class Page(NamedTuple):
    """One page: its files by name in the configuration's folder, and the commands to try."""

    name: str
    files: dict[str, str]
    explained: list[tuple[str, str]]

    @property
    def tables(self) -> dict[str, str]:
        """All files but main.cf and master.cf."""
        return {k: v for k, v in self.files.items() if k not in ("main.cf", "master.cf")}


def read(name: str, folder: str) -> Page:
    """Return the page *name*, its files as they are when the configuration is in *folder*."""
    text = (PAGES / f"{name}.md").read_text()
    moved = {path: f"{folder}/{Path(path).name}" for path, _ in _FILE.findall(text)}

    def placed(content: str) -> str:
        for path in sorted(moved, key=len, reverse=True):
            content = content.replace(path, moved[path])
        return content

    files = {Path(path).name: placed(content) for path, content in _FILE.findall(text)}
    return Page(name, files, [(words, shown) for words, shown in _EXPLAIN.findall(text)])


def names() -> list[str]:
    """Return the names of all pages but the list of them."""
    return sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
