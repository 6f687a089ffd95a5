"""A site's mail through both systems, and the differences of their stories."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.twin.cases import Mail, Site
from tests.support.twin.systems import Postfix, Spoolmta, System

SHOW = "TWIN_SHOW"
"""With this variable in the environment, Postfix's stories are printed (pytest -s)."""


def agree(site: Site) -> None:
    """Send a site's mail through both systems; fail if what became of any of it differs."""
    root = Path(tempfile.mkdtemp(prefix="twin-"))
    root.chmod(0o755)
    try:
        with ThreadPoolExecutor(2) as pool:
            systems = (Postfix(site, root / "postfix"), Spoolmta(site, root / "spoolmta"))
            theirs, ours = pool.map(run, systems)
    finally:
        shutil.rmtree(root)
    if os.environ.get(SHOW):
        print("\n".join(f"== {name}\n{story}" for name, story in _named(site, theirs)))
    complaints = [*_differences(site, theirs, ours), *_silence(site, theirs)]
    assert not complaints, "\n".join(("", *complaints))


def run(system: System) -> list[str]:
    """Send a site's mail through one system; return the story of each, and of the files."""
    with system:
        handed = [system.hand_in(number, case) for number, case in enumerate(system.site.cases)]
        return system.stories(handed)


def _named(site: Site, stories: list[str]) -> Iterator[tuple[str, str]]:
    yield from zip([*map(str, site.cases), "files"], stories, strict=True)


def _differences(site: Site, theirs: list[str], ours: list[str]) -> Iterator[str]:
    for (name, one), other in zip(_named(site, theirs), ours, strict=True):
        if one != other:
            lines = difflib.unified_diff(
                one.splitlines(), other.splitlines(), "Postfix", "spoolmta", lineterm="", n=99
            )
            yield "\n".join((f"== {name}", *lines))


def _silence(site: Site, stories: list[str]) -> Iterator[str]:
    """Yield what a case was to show and does not, or that nothing came of it at all."""
    for case, story in zip(site.cases, stories, strict=False):
        if not story:
            yield f"== {case}: nothing came of it"
        for text in case.shows:
            if text not in _everything(case, story, stories):
                yield f"== {case}: Postfix does not show {text!r} but\n{story}"


def _everything(case: Mail, story: str, stories: list[str]) -> str:
    """Return a case's story, and the files, which have no case."""
    return f"{story}\n{stories[-1]}"
