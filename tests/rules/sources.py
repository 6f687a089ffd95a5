"""The source tree as the rules see it: every module of spoolmta, parsed once.

Must not: import spoolmta; the rules read text, so that they also judge what does not import.
"""

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "spoolmta"


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its path below the root, its dotted name, its text and syntax tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The first name below spoolmta: "spool", "stages", "errors"; "" for spoolmta itself."""
        return self.name.partition(".")[2].partition(".")[0]

    def strings(self) -> set[str]:
        """Return every string constant of the file, docstrings included."""
        return {
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }

    def imports(self) -> list[tuple[int, str]]:
        """Return (line, dotted name) of every import, wherever in the file it stands."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
        return found

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        if not self.path.endswith("__init__.py"):
            parts = parts[:-1]
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, *([node.module] if node.module else [])])


@functools.cache
def modules() -> tuple[Module, ...]:
    """Return every module of the package, by path."""
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))


@functools.cache
def tracked_text_files() -> tuple[Path, ...]:
    """Return the files that the project ships as text, whatever their kind."""
    kinds = {".py", ".sql", ".md", ".toml", ".cf", ".txt", ".smtp", ".eml", ".yml", ""}
    skipped = {".git", ".venv", ".hypothesis", "build", "dist"}
    return tuple(
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and path.suffix in kinds
        and not any(
            part in skipped or part.endswith(("cache", "__"))
            for part in path.relative_to(ROOT).parts[:-1]
        )
    )


def _read(path: Path) -> Module:
    relative = path.relative_to(ROOT)
    name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    text = path.read_text(encoding="utf-8")
    return Module(str(relative), name, text, ast.parse(text))
