"""proxy: and debug: tables that hand the question on."""

import asyncio
from collections.abc import Iterator

import pytest

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_map
from spoolmta.maps.proxy import approve


@pytest.fixture(autouse=True)
def _forget_approvals() -> Iterator[None]:
    yield
    approve(None)


def test_all_that_name_a_table_share_it() -> None:
    one = open_map("proxy:inline:{a=b}")
    assert open_map("proxy:inline:{a=b}") is one
    assert open_map("proxy:proxy:inline:{a=b}") is one
    assert open_map("proxy:inline:{a=b}", substitution=False) is not one
    assert asyncio.run(one.lookup("A")) == "b"


def test_whole_keys_are_wanted_if_the_table_wants_them() -> None:
    assert open_map("proxy:static:x").fixed
    assert not open_map("proxy:inline:{a=b}").fixed


@pytest.mark.parametrize(
    "table",
    [
        "proxy:inline:{a=b}",
        "proxy:proxy:inline:{a=b}",
        "proxy:static:x",
        "proxy:inline:{nested=yes}",
        "unionmap:{proxy:static:x}",
    ],
)
def test_a_listed_table_is_opened(table: str) -> None:
    approve(
        lambda: (
            "hash:/etc/aliases check_access, proxy:inline:{a=b}, "
            "unionmap:{proxy:static:x, pipemap:{proxy:inline:{nested=yes}}} pipemap:none"
        )
    )
    open_map(table)


@pytest.mark.parametrize(
    "table", ["inline:{c=d}", "hash:/etc/aliases", "unionmap:{proxy:static:x}", "nosuch:x"]
)
def test_a_table_that_is_not_listed_is_refused(table: str) -> None:
    approve(lambda: "hash:/etc/aliases unionmap:{proxy:static:x}")
    with pytest.raises(ConfigError) as refused:
        open_map("proxy:" + table)
    assert str(refused.value) == (
        f'proxymap service is not configured for table "{table}"; to approve this table for '
        f"read-only access, list proxy:{table} in main.cf:proxy_read_maps"
    )


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("inline:{a=b}", 'inline:{a=b} lookup: "a" = "b"'),
        ("inline:{b=c}", 'inline:{b=c} lookup: "a" = "not_found"'),
        ("fail:x", 'fail:x lookup: "a" = "error"'),
    ],
)
def test_debug_tells_of_a_lookup_and_its_result(
    table: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        asyncio.run(open_map("debug:" + table).lookup("a"))
    except MapUnavailable:
        assert table == "fail:x"
    assert capsys.readouterr().err.endswith(f": {line}\n")
