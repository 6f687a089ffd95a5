import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from spoolmta.errors import MapUnavailable
from spoolmta.maps import Map, open_map, watched
from spoolmta.maps.files.held import Entries, reading
from spoolmta.maps.files.table_build import TableBuilder

KIB = 1024
MIB = 1024 * KIB
NUMBERS = {str(number): f"value {number}" for number in range(100)}


def numbers() -> Iterator[tuple[str, str]]:
    yield from NUMBERS.items()


def lookups_until_held(reader: Iterator[Entries | None], at_most: int = 100_000) -> int | None:
    """Return how many lookups the file has to answer, None if it always has to."""
    for count, entries in enumerate(islice(reader, at_most)):
        if entries is not None:
            assert entries == NUMBERS
            return count
    return None


def test_a_table_is_held_when_it_was_asked_as_much_as_reading_it_costs() -> None:
    small = lookups_until_held(reading(8 * KIB, numbers))
    large = lookups_until_held(reading(800 * KIB, numbers))
    assert small is not None
    assert large is not None
    assert small < 50
    assert 2000 < large < 5000


def test_no_lookup_reads_much_of_a_table() -> None:
    read = 0

    def watched_numbers() -> Iterator[tuple[str, str]]:
        nonlocal read
        for entry in NUMBERS.items():
            read += 1
            yield entry

    reader = reading(0, watched_numbers)
    before = 0
    while next(reader) is None:
        assert read - before < 50
        before = read
    assert read == len(NUMBERS)


def test_a_large_table_stays_in_its_file() -> None:
    assert lookups_until_held(reading(5 * MIB, numbers)) is None


def test_the_tables_of_a_process_are_held_up_to_a_limit_and_another_when_one_is_dropped() -> None:
    first, second, third = (reading(4 * MIB, numbers) for _ in range(3))
    assert lookups_until_held(first) is not None
    assert lookups_until_held(second) is not None
    assert lookups_until_held(third) is None
    del first
    assert lookups_until_held(third) is not None


def test_a_file_that_cannot_be_read_as_a_whole_is_asked_for_each_key() -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield "a", "b"
        raise MapUnavailable("the disk is bad")

    assert lookups_until_held(reading(0, broken), 1000) is None


def build(source: Path, entries: dict[str, str]) -> None:
    TableBuilder("hash", str(source), print).write(entries.items())


def answers(table: Map, keys: list[str]) -> list[str | None]:
    async def all_answers() -> list[str | None]:
        return [await table.lookup(key) for key in keys]

    return asyncio.run(all_answers())


def test_a_held_table_answers_as_its_file_does(tmp_path: Path) -> None:
    source = tmp_path / "table"
    build(source, NUMBERS | {"user@dom.test": "joe", "ü@dom.test": "ä", "empty": ""})
    table = open_map(f"hash:{source}")
    asked = ["USER@Dom.test", "Ü@dom.test", "empty", "", "99", "nobody", "user@dom.test "]
    in_file = answers(table, asked)
    answers(table, [f"nobody{number}" for number in range(1000)])
    Path(f"{source}.db").write_bytes(b"")  # nobody reads it any more
    assert answers(table, asked) == in_file == ["joe", "ä", "", None, "value 99", None, None]


def test_a_new_version_of_a_held_table_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_INTERVAL_S", 0)
    monkeypatch.setattr(watched, "SETTLING_S", 0)
    source = tmp_path / "table"
    build(source, {"key": "old"})
    table = open_map(f"hash:{source}")
    answers(table, [f"nobody{number}" for number in range(1000)])
    assert answers(table, ["key"]) == ["old"]
    build(source, {"key": "new"})
    assert answers(table, ["key"]) == ["new"]
    Path(f"{source}.db").write_bytes(b"no table")
    assert answers(table, ["key"]) == ["new"]
