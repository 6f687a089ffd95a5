import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoolmta.errors import ConfigError
from spoolmta.maps.files.file_tables import open_file
from spoolmta.maps.files.table_build import SUFFIXES, Duplicates, TableBuilder
from spoolmta.maps.keys import KeyRules

EXACT = KeyRules(folded=False)
CHANGEABLE = sorted(set(SUFFIXES) - {"cdb"})
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=100)


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "table").write_text("key value\n")
    return str(tmp_path / "table")


@pytest.fixture
def warnings() -> list[str]:
    return []


def ask(kind: str, source: str, *keys: str) -> list[str | None]:
    table = open_file(kind, source, EXACT)

    async def lookups() -> list[str | None]:
        return [await table.lookup(key) for key in keys]

    return asyncio.run(lookups())


@pytest.mark.parametrize("kind", SUFFIXES)
@settings(deadline=None, max_examples=40)
@given(entries=st.dictionaries(WORDS, WORDS, max_size=20), other=WORDS)
def test_what_was_built_is_found(kind: str, entries: dict[str, str], other: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/table"
        TableBuilder(kind, source, print).write(entries.items())
        assert ask(kind, source, *entries) == list(entries.values())
        assert ask(kind, source, other) == [entries.get(other)]


@pytest.mark.parametrize("kind", CHANGEABLE)
def test_a_build_replaces_and_a_change_adds(kind: str, source: str, warnings: list[str]) -> None:
    builder = TableBuilder(kind, source, warnings.append)
    builder.write([("a", "1"), ("b", "2")])
    builder.change([("b", "x"), ("c", "3")])
    assert len(warnings) == 1
    assert 'duplicate entry: "b"' in warnings[0]
    assert ask(kind, source, "a", "b", "c") == ["1", "2", "3"]
    builder.write([("c", "4")])
    assert ask(kind, source, "a", "b", "c") == [None, None, "4"]


@pytest.mark.parametrize("kind", SUFFIXES)
@pytest.mark.parametrize(
    ("duplicates", "value", "told"),
    [(Duplicates.WARN, "1", 1), (Duplicates.IGNORE, "1", 0), (Duplicates.REPLACE, "2", 0)],
)
def test_the_second_of_two_keys_is_told_ignored_or_taken(
    kind: str, source: str, warnings: list[str], duplicates: Duplicates, value: str, told: int
) -> None:
    TableBuilder(kind, source, warnings.append, duplicates).write([("a", "1"), ("a", "2")])
    assert ask(kind, source, "a") == [value]
    assert len(warnings) == told


@pytest.mark.parametrize("kind", CHANGEABLE)
def test_keys_are_deleted_and_counted(kind: str, source: str) -> None:
    builder = TableBuilder(kind, source, print)
    builder.write([("a", "1"), ("b", "2")])
    assert builder.delete(["a", "x", ""]) == 1
    assert ask(kind, source, "a", "b") == [None, "2"]


def test_a_cdb_table_is_not_changed(source: str) -> None:
    builder = TableBuilder("cdb", source, print)
    builder.write([("a", "1")])
    with pytest.raises(ConfigError, match="build it anew"):
        builder.delete(["a"])


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_build_that_fails_leaves_the_old_table_and_no_litter(kind: str, source: str) -> None:
    TableBuilder(kind, source, print).write([("a", "1")])

    def entries() -> Iterator[tuple[str, str]]:
        yield "a", "2"
        raise ConfigError("the source is gone")

    with pytest.raises(ConfigError, match="the source is gone"):
        TableBuilder(kind, source, print).write(entries())
    assert ask(kind, source, "a") == ["1"]
    assert sorted(p.name for p in Path(source).parent.iterdir()) == [
        "table",
        "table" + SUFFIXES[kind],
    ]


def test_a_key_that_lmdb_cannot_hold_is_told(source: str) -> None:
    with pytest.raises(ConfigError, match="from 1 to 511 bytes"):
        TableBuilder("lmdb", source, print).write([("k" * 600, "v")])
    TableBuilder("lmdb", source, print).write([("k", "v")])
    assert ask("lmdb", source, "k" * 600, "") == [None, None]


def test_a_map_grows_with_what_is_in_it(source: str) -> None:
    entries = [(f"key{i}", "v" * 2000) for i in range(20_000)]
    TableBuilder("lmdb", source, print).write(entries)
    assert ask("lmdb", source, "key19999") == ["v" * 2000]


@pytest.mark.parametrize("kind", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"garbage", b"x" * 5000, bytes(5000)])
def test_a_file_of_another_kind_is_refused(kind: str, source: str, content: bytes) -> None:
    if kind == "cdb" and content == bytes(5000):
        content = b"\xff" * 5000
    Path(source + SUFFIXES[kind]).write_bytes(content)
    with pytest.raises(ConfigError, match=f'run "postmap {kind}:'):
        open_file(kind, source, EXACT)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_folder_that_is_not_there_is_told(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        TableBuilder(kind, str(tmp_path / "none" / "table"), print).write([])
