import asyncio
import os
from pathlib import Path

import pytest

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import is_outdated, open_map
from spoolmta.maps.index_build import Duplicates, IndexBuilder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "table"
    path.write_text("key value\n")
    return path


def ask(table: object, key: str) -> str | None:
    return asyncio.run(table.lookup(key))  # type: ignore[attr-defined,no-any-return]


def build(source: Path, entries: dict[str, str], *, incremental: bool = False) -> IndexBuilder:
    builder = IndexBuilder(str(source))
    builder.write(entries.items(), incremental=incremental)
    return builder


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_what_was_built_is_found_whatever_the_case_of_the_key(source: Path, kind: str) -> None:
    build(source, {"key": "value", "ü": "ä"})
    table = open_map(f"{kind}:{source}")
    assert table.name == f"{kind}:{source}"
    assert ask(table, "KEY") == "value"
    assert ask(table, "Ü") == "ä"
    assert ask(table, "other") is None


def test_a_new_index_is_noticed(source: Path) -> None:
    build(source, {"key": "old"})
    table = open_map(f"hash:{source}")
    assert ask(table, "key") == "old"
    build(source, {"key": "new"})
    assert ask(table, "key") == "new"


def test_an_index_that_vanishes_gives_no_answer_until_it_is_back(source: Path) -> None:
    build(source, {"key": "value"})
    table = open_map(f"hash:{source}")
    index = Path(f"{source}.db")
    index.rename(f"{source}.away")
    with pytest.raises(MapUnavailable, match="No such file"):
        ask(table, "key")
    index.write_bytes(b"garbage that is no table")
    with pytest.raises(MapUnavailable, match="not a table index"):
        ask(table, "key")
    build(source, {"key": "back"})
    assert ask(table, "key") == "back"


def test_a_build_replaces_and_an_incremental_one_adds(source: Path) -> None:
    build(source, {"a": "1", "b": "2"})
    builder = build(source, {"b": "x", "c": "3"}, incremental=True)
    assert builder.warnings == [f'{source}.db: duplicate entry: "b"']
    table = open_map(f"hash:{source}")
    assert [ask(table, key) for key in "abc"] == ["1", "2", "3"]
    build(source, {"c": "4"})
    assert [ask(table, key) for key in "abc"] == [None, None, "4"]


def test_duplicates_are_kept_first_replaced_or_ignored(source: Path) -> None:
    pairs = [("a", "1"), ("a", "2")]
    for duplicates, value, warnings in (
        (Duplicates.WARN, "1", 1),
        (Duplicates.IGNORE, "1", 0),
        (Duplicates.REPLACE, "2", 0),
    ):
        builder = IndexBuilder(str(source), duplicates)
        builder.write(pairs)
        assert ask(open_map(f"hash:{source}"), "a") == value
        assert len(builder.warnings) == warnings


def test_keys_are_deleted_and_counted(source: Path) -> None:
    build(source, {"a": "1", "b": "2"})
    assert IndexBuilder(str(source)).delete(["a", "x"]) == 1
    assert ask(open_map(f"hash:{source}"), "a") is None
    assert ask(open_map(f"hash:{source}"), "b") == "2"


def test_a_build_that_fails_leaves_the_old_index_and_no_litter(source: Path) -> None:
    build(source, {"a": "1"})

    def entries() -> object:
        yield "a", "2"
        raise OSError("the disk is gone")

    with pytest.raises(ConfigError, match="the disk is gone"):
        IndexBuilder(str(source)).write(entries())  # type: ignore[arg-type]
    assert ask(open_map(f"hash:{source}"), "a") == "1"
    assert sorted(path.name for path in source.parent.iterdir()) == ["table", "table.db"]


def test_the_index_has_the_permissions_of_its_source(source: Path) -> None:
    source.chmod(0o640)
    build(source, {"a": "1"})
    assert Path(f"{source}.db").stat().st_mode & 0o777 == 0o640
    IndexBuilder(str(source), inherit_mode=False).write([])
    assert Path(f"{source}.db").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("magic", ["00061561", "61150600", "62310500", "00053162"])
def test_a_berkeley_db_file_is_refused_with_advice(source: Path, magic: str) -> None:
    Path(f"{source}.db").write_bytes(bytes(12) + bytes.fromhex(magic) + bytes(4080))
    with pytest.raises(ConfigError, match=r"Berkeley DB file.*run \"postmap hash:.*newaliases"):
        open_map(f"hash:{source}")


def test_a_sqlite_file_of_another_kind_is_refused(source: Path) -> None:
    import apsw

    with apsw.Connection(f"{source}.db") as connection:
        connection.execute("CREATE TABLE entry (key, value)")
    with pytest.raises(ConfigError, match="not a table index"):
        open_map(f"hash:{source}")


def test_a_source_newer_than_its_index_is_noticed(source: Path) -> None:
    assert not is_outdated(f"hash:{source}")
    build(source, {})
    assert not is_outdated(f"hash:{source}")
    later = Path(f"{source}.db").stat().st_mtime + 10
    os.utime(source, (later, later))
    assert is_outdated(f"hash:{source}")
    assert is_outdated(f"proxy:btree:{source}")
    assert not is_outdated("inline:{a=b}")


def test_names_of_files_may_hold_any_character(tmp_path: Path) -> None:
    source = tmp_path / "a b?c#d%e"
    build(source, {"key": "value"})
    assert ask(open_map(f"hash:{source}"), "key") == "value"
