import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.errors import MapUnavailable
from spoolmta.maps import Hit, open_maps
from spoolmta.maps.lookup import (
    Key,
    access_keys,
    address_keys,
    domain_keys,
    lookup_address,
    network_keys,
    place_at,
    search,
    transport_keys,
)


def find(specs: str, address: str) -> Hit | None:
    is_local = address.endswith("@here.test")
    return asyncio.run(lookup_address(open_maps(specs), address, delimiter="+", is_local=is_local))


@pytest.mark.parametrize(
    ("key", "address", "extension"),
    [
        ("user+ext@dom.test", "user+ext@dom.test", ""),
        ("user@dom.test", "user+ext@dom.test", "+ext"),
        ("@dom.test", "user+ext@dom.test", ""),
        ("user+ext", "user+ext@here.test", ""),
        ("user", "user+ext@here.test", "+ext"),
        ("user", "user@here.test", ""),
        ("user@dom.test", "USER@Dom.Test", ""),
        ('"a b"@dom.test', "a b@dom.test", ""),
    ],
)
def test_an_address_is_found_by_each_of_its_keys(key: str, address: str, extension: str) -> None:
    hit = find(f"inline:{{{{{key} = yes}}}}", address)
    assert hit is not None
    assert (hit.key.lower(), hit.extension) == (key, extension)


def test_a_name_alone_is_no_key_for_a_foreign_domain() -> None:
    assert find("inline:{user=yes}", "user@dom.test") is None


def test_whole_keys_come_before_parts() -> None:
    hit = find("inline:{@dom.test=c, user@dom.test=b, user+x@dom.test=a}", "user+x@dom.test")
    assert hit == Hit("user+x@dom.test", "a")


def test_the_unquoted_form_is_tried_after_the_quoted_one() -> None:
    hit = find("regexp:{{/^a b@/ inner}}, inline:{@dom.test=all}", "a b@dom.test")
    assert hit == Hit("a b@dom.test", "inner")


def test_patterns_are_shown_whole_addresses_alone() -> None:
    assert find("regexp:{{/^user@/ part}, {/^@/ part}}", "user+ext@dom.test") is None
    assert find("regexp:{{/^user.ext@/ whole}}", "user+ext@dom.test") is not None


def test_the_first_table_that_knows_a_key_answers() -> None:
    maps = open_maps("inline:{a=1}, inline:{a=2,b=3}")
    assert asyncio.run(maps.lookup("a")) == "1"
    assert asyncio.run(maps.lookup("b")) == "3"
    assert asyncio.run(maps.lookup("c")) is None
    assert asyncio.run(maps.lookup("")) is None


def test_no_tables_are_false_and_know_nothing() -> None:
    assert not open_maps(" ")
    assert find("", "user@dom.test") is None
    assert find("inline:{a=b}", "") is None


def test_a_key_that_is_not_utf_8_is_in_no_table_and_the_log_tells(
    caplog: pytest.LogCaptureFixture,
) -> None:
    maps = open_maps("static:all")
    assert asyncio.run(maps.lookup("gr\u00fc\u00dfe")) == "all"
    assert asyncio.run(maps.lookup("\udcff")) is None
    assert caplog.messages == [
        'static:all: non-UTF-8 key "?": malformed UTF-8 or invalid codepoint'
    ]
    assert asyncio.run(open_maps("static:all", utf8=False).lookup("\udcff")) == "all"


def test_an_empty_value_is_an_error_and_not_an_answer() -> None:
    with pytest.raises(MapUnavailable, match="empty string"):
        asyncio.run(open_maps("inline:{a=}").lookup("a"))


def test_a_table_that_fails_hides_the_ones_behind_it() -> None:
    with pytest.raises(MapUnavailable, match="fail:x lookup error for user@dom"):
        find("fail:x inline:{user@dom=1}", "user@dom")


def test_a_search_ends_with_the_first_key_that_a_table_knows() -> None:
    maps = open_maps("inline:{@dom.test=all, user@dom.test=one}")

    def found(address: str) -> Hit | None:
        keys = address_keys(address, "+", place_at("dom.test", is_local=False))
        return asyncio.run(search(maps, keys.whole))

    assert found("other@dom.test") is None
    assert found("user+x@dom.test") == Hit("user@dom.test", "one", "+x")


@pytest.mark.parametrize(
    ("domain", "dotted", "keys"),
    [
        ("a.b.c", True, ["a.b.c", ".b.c", ".c"]),
        ("a.b.c", False, ["a.b.c", "b.c", "c"]),
        (".a.b", True, [".a.b", ".b"]),
        ("a", True, ["a"]),
    ],
)
def test_a_domain_is_looked_up_whole_and_its_parents_as_parts(
    domain: str, dotted: bool, keys: list[str]
) -> None:
    expected = [(keys[0], False), *((key, True) for key in keys[1:])]
    found = [(text, partial) for text, _, partial, _ in domain_keys(domain, dotted=dotted)]
    assert found == expected


def texts(keys: Iterator[Key]) -> list[str]:
    return [text for text, *_ in keys]


def test_whoever_is_at_a_domain_has_the_keys_of_transport_5() -> None:
    assert texts(transport_keys("a.b.test", dotted=True)) == [
        "a.b.test",
        ".b.test",
        ".test",
        "*",
    ]


def test_an_address_has_the_keys_of_access_5() -> None:
    assert texts(access_keys("user+ext@b.test", "+", dotted=False)) == [
        "user+ext@b.test",
        "user@b.test",
        "b.test",
        "test",
        "user+ext@",
        "user@",
    ]
    assert texts(access_keys("user", "+", dotted=False)) == ["user"]


def test_of_an_address_only_whole_keys_with_the_extension_are_shown_to_patterns() -> None:
    keys = access_keys("a b+c@dom.test", "+", dotted=True)
    assert [text for text, _, partial, _ in keys if not partial] == [
        '"a b+c"@dom.test',
        "a b+c@dom.test",
    ]


@pytest.mark.parametrize(
    ("address", "keys"),
    [
        ("192.0.2.1", ["192.0.2.1", "192.0.2", "192.0", "192"]),
        ("2001:db8::1", ["2001:db8::1", "2001:db8", "2001"]),
        ("::1", ["::1"]),
        ("unknown", ["unknown"]),
    ],
)
def test_a_client_has_its_networks_as_keys(address: str, keys: list[str]) -> None:
    assert texts(network_keys(address)) == keys


def test_what_was_found_for_an_address_holds_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("a@x one\nuser local\n")
    maps = open_maps(f"texthash:{path}")

    def value(address: str) -> str | None:
        hit = asyncio.run(lookup_address(maps, address, is_local=address.endswith("@here")))
        return hit and hit.value

    assert [value("a@x"), value("a@x"), value("user@here"), value("user@x")] == [
        *("one", "one", "local", None)
    ]
    path.write_text("a@x another\nuser@x found\n")
    deadline = time.monotonic() + 10
    while value("a@x") == "one" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [value("a@x"), value("user@here"), value("user@x")] == ["another", None, "found"]
