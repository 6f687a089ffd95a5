import asyncio
import os
from pathlib import Path

import pytest

from spoolmta.errors import ConfigError
from spoolmta.maps import is_outdated, open_map, watched
from spoolmta.maps.files.table_build import TableBuilder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "table"
    path.write_text("key value\n")
    return path


def ask(table: object, key: str) -> str | None:
    return asyncio.run(table.lookup(key))  # type: ignore[attr-defined,no-any-return]


def build(source: Path, entries: dict[str, str]) -> None:
    TableBuilder("hash", str(source), print).write(entries.items())


@pytest.mark.parametrize("kind", ["hash", "btree", "dbm", "sdbm"])
def test_what_was_built_is_found_whatever_the_case_of_the_key(source: Path, kind: str) -> None:
    build(source, {"key": "value", "ü": "ä"})
    table = open_map(f"{kind}:{source}")
    assert table.name == f"{kind}:{source}"
    assert ask(table, "KEY") == "value"
    assert ask(table, "Ü") == "ä"
    assert ask(table, "other") is None


def test_a_new_index_is_noticed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_INTERVAL_S", 0)
    monkeypatch.setattr(watched, "SETTLING_S", 0)
    build(source, {"key": "old"})
    table = open_map(f"hash:{source}")
    assert ask(table, "key") == "old"
    build(source, {"key": "new"})
    assert ask(table, "key") == "new"
    Path(f"{source}.db").unlink()
    assert ask(table, "key") == "new"


@pytest.mark.parametrize("magic", ["00061561", "61150600", "62310500", "00053162"])
def test_a_berkeley_db_file_is_refused_with_advice(source: Path, magic: str) -> None:
    Path(f"{source}.db").write_bytes(bytes(12) + bytes.fromhex(magic) + bytes(4080))
    with pytest.raises(
        ConfigError, match=r"Berkeley DB file.*run \"postmap hash:.*newaliases.*postmap -s"
    ):
        open_map(f"hash:{source}")


def test_a_dbm_file_is_told_with_advice(source: Path) -> None:
    Path(f"{source}.pag").touch()
    with pytest.raises(ConfigError, match=r"DBM file.*run \"postmap dbm:"):
        open_map(f"dbm:{source}")


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
