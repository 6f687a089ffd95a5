"""Tables under watch answer as they do alone, and what they said is on record."""

import asyncio
from functools import cached_property
from pathlib import Path

import pytest

from spoolmta.errors import MapUnavailable
from spoolmta.maps import Maps, lookup_address, open_maps
from spoolmta.maps.recorded import Lookup, Recorder, hits
from spoolmta.maps.watched import keep_problems, tell_problems


class _Holder:
    def __init__(self) -> None:
        self.transport_maps = open_maps("inline:{a=b}")
        self.other = "no table"

    @cached_property
    def canonical_maps(self) -> Maps:
        return open_maps("inline:{c=d}")

    @cached_property
    def missing_maps(self) -> Maps:
        raise MapUnavailable("it is not there")


def test_every_key_that_was_tried_is_on_record_with_its_answer() -> None:
    recorder = Recorder()
    maps = recorder.watch("virtual_alias_maps", open_maps("inline:{@x.example=me@y.example}"))
    found = asyncio.run(lookup_address(maps, "a+b@x.example", delimiter="+"))
    assert found is not None
    assert found.value == "me@y.example"
    noted = recorder.take()
    assert [one.key for one in noted] == ["a+b@x.example", "a@x.example", "@x.example"]
    assert hits(noted) == [
        Lookup(
            "virtual_alias_maps", "inline:{@x.example=me@y.example}", "@x.example", "me@y.example"
        )
    ]
    assert recorder.take() == []


def test_tables_keep_their_order_their_names_and_what_keys_they_take() -> None:
    recorder = Recorder()
    plain = open_maps("static:all, inline:{a=b}")
    maps = recorder.watch("p", plain)
    assert [(m.name, m.fixed) for m in maps.maps] == [(m.name, m.fixed) for m in plain.maps]
    assert asyncio.run(maps.lookup("a", partial=True)) == "b"
    assert [one.table for one in recorder.take()] == ["inline:{a=b}"]


def test_no_tables_stay_no_tables() -> None:
    assert not Recorder().watch("p", Maps(()))


def test_a_table_that_gives_no_answer_is_on_record_with_the_reason() -> None:
    recorder = Recorder()
    maps = recorder.watch("transport_maps", open_maps("fail:down"))
    with pytest.raises(MapUnavailable) as raised:
        asyncio.run(maps.lookup("a"))
    assert recorder.take() == [Lookup("transport_maps", "fail:down", "a", None, str(raised.value))]


def test_all_tables_of_a_holder_are_watched_also_those_that_are_opened_late() -> None:
    holder, recorder = _Holder(), Recorder()
    recorder.watch_all(holder, {"transport_maps": "another_name"})
    assert asyncio.run(holder.transport_maps.lookup("a")) == "b"
    assert asyncio.run(holder.canonical_maps.lookup("c")) == "d"
    assert [one.parameter for one in recorder.take()] == ["another_name", "canonical_maps"]
    with pytest.raises(MapUnavailable):
        _ = holder.missing_maps


def test_a_table_of_a_list_that_is_not_there_gives_no_answer(tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(MapUnavailable):
        recorder.opener("mydestination")(f"hash:{tmp_path}/none")
    tell_problems(lambda _: None)
    try:
        table = recorder.opener("mydestination")(f"hash:{tmp_path}/none")
        with pytest.raises(MapUnavailable):
            asyncio.run(table.lookup("a"))
    finally:
        keep_problems()
    assert recorder.take()[0].error
