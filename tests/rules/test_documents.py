"""What the documents promise to list, they list."""

import re

from tests.rules.sources import ROOT, modules


def test_every_crash_point_is_argued_in_the_architecture() -> None:
    argued = (ROOT / "docs" / "architecture.md").read_text()
    points = {
        name
        for module in modules()
        for name in re.findall(r'crash_point\("([a-z_.]+)"\)', module.text)
    }
    assert len(points) >= 10
    silent = sorted(name for name in points if f"| `{name}` |" not in argued)
    assert not silent, f"no row in docs/architecture.md: {silent}"


def test_every_document_that_is_named_exists() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{path.name}: {name}"
        for path in documents
        for name in re.findall(
            r"`((?:docs|tools|tests|spoolmta|schema)[a-z_/.]*\.(?:md|py|sql))`", path.read_text()
        )
        if not (ROOT / name).exists()
    ]
    assert not missing, missing
