"""Tables made of tables."""

import asyncio

import pytest

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_map


def ask(spec: str, key: str) -> str | None:
    return asyncio.run(open_map(spec).lookup(key))


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("unionmap:{ static:a , static:b }", "a,b"),
        ("unionmap:{static:a static:b}", "a,b"),
        ("unionmap:{static:{a b},static:{c,d}}", "a b,c,d"),
        ("unionmap:{static:a,inline:{x=},static:c}", "a,,c"),
        ("unionmap:{inline:{x=},static:c}", "c"),
        ("unionmap:{inline:{x=}}", None),
        ("unionmap:{inline:{y=1},inline:{z=2}}", None),
        ("unionmap:{pipemap:{static:a},randmap:{q}}", "a,q"),
        ("pipemap:{inline:{x=y},inline:{y=z}}", "z"),
        ("pipemap:{inline:{x=y},inline:{q=z}}", None),
        ("pipemap:{inline:{q=z},fail:x}", None),
        ("pipemap:{inline:{x=},static:a}", "a"),
        ("pipemap:{static:10.0.0.1,cidr:{{10.0.0.0/8 OK}}}", "OK"),
        ("randmap:{{a b},{a b}}", "{a b}"),
    ],
)
def test_tables_of_tables_answer(spec: str, value: str | None) -> None:
    assert ask(spec, "x") == value


@pytest.mark.parametrize(
    "spec",
    [
        *("unionmap:{static:a,fail:x}", "unionmap:{fail:x,static:a}"),
        *("pipemap:{static:a,fail:x}", "pipemap:{fail:x,static:a}"),
    ],
)
def test_an_error_of_a_part_is_one_of_the_whole(spec: str) -> None:
    with pytest.raises(MapUnavailable):
        ask(spec, "x")


@pytest.mark.parametrize(
    "table",
    ["{}", "{ }", "{,}", "static:a", "{static:a", "{static:a}x", "{nocolon}"],
)
@pytest.mark.parametrize("kind", ["unionmap", "pipemap"])
def test_what_is_no_list_of_tables_is_an_error(kind: str, table: str) -> None:
    with pytest.raises(ConfigError) as told:
        open_map(f"{kind}:{table}")
    assert str(told.value) == f'bad syntax: "{kind}:{table}"; need "{kind}:{{type:name...}}"'


@pytest.mark.parametrize("table", ["{}", "a", "{a}b", "{a"])
def test_what_is_no_list_of_values_is_an_error(table: str) -> None:
    with pytest.raises(ConfigError) as told:
        open_map(f"randmap:{table}")
    assert str(told.value) == f'bad syntax: "randmap:{table}"; need "randmap:{{value...}}"'
