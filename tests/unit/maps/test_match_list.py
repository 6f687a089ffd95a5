import asyncio
import contextlib
import ipaddress
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_match_list


def matches(text: str, name: str, **options: bool) -> bool:
    return asyncio.run(open_match_list(text, **options).matches(name))


def address_matches(text: str, address: str) -> bool:
    return asyncio.run(open_match_list(text).address_matches(address))


def test_a_name_matches_whatever_its_case() -> None:
    assert matches("example.com, Other.Test", "EXAMPLE.com", exact=True)
    assert matches("example.com, Other.Test", "other.test", exact=True)
    assert not matches("example.com", "sub.example.com", exact=True)


def test_a_parent_matches_its_subdomains_if_parents_do() -> None:
    assert matches("example.com", "a.b.example.com", parents=True)
    assert not matches("example.com", "badexample.com", parents=True)
    assert not matches("!no.test example.com", "a.no.test", parents=True)
    assert matches("!no.test example.com", "a.example.com", parents=True)


def test_a_dotted_name_matches_subdomains_if_parents_do_not() -> None:
    assert matches(".example.com", "a.b.example.com")
    assert not matches(".example.com", "example.com")
    assert not matches(".example.com", "a.example.com", exact=True)
    assert matches("!x.example.com .example.com", "y.example.com")


def test_the_first_match_decides() -> None:
    assert not matches("!host.example.com .example.com", "host.example.com")
    assert matches(".example.com !host.example.com", "host.example.com")
    assert matches("!!host.test", "host.test")


def test_files_are_read_and_may_be_negated(tmp_path: Path) -> None:
    listed = tmp_path / "domains"
    listed.write_text("# ours\none.test two.test\n\n!three.test\n")
    assert matches(str(listed), "two.test")
    assert not matches(f"!{listed} four.test", "one.test")
    assert matches(f"!{listed} four.test", "three.test")
    assert matches(f"{listed} four.test", "four.test")


def test_a_file_that_includes_itself_is_an_error(tmp_path: Path) -> None:
    listed = tmp_path / "domains"
    listed.write_text(str(listed))
    with pytest.raises(ConfigError, match="nested more than"):
        open_match_list(str(listed))


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^open file /no/such/file: No such file or directory$"):
        open_match_list("/no/such/file")


def test_tables_are_asked_for_the_name_and_its_parents() -> None:
    table = "inline:{example.com=x, .dot.test=x}"
    assert matches(table, "example.com", exact=True)
    assert not matches(table, "a.example.com", exact=True)
    assert matches(table, "a.example.com", parents=True)
    assert matches(table, "a.b.dot.test")
    assert not matches("!" + table, "example.com")
    assert not open_match_list(table).is_static
    assert open_match_list("a 10.0.0.0/8").is_static


def test_a_pattern_table_is_not_asked_for_parents() -> None:
    assert not matches("regexp:{{/^example.com$/ x}}", "a.example.com", parents=True)


def test_a_failing_table_is_not_a_mismatch() -> None:
    with pytest.raises(MapUnavailable):
        matches("fail:x", "example.com")
    with pytest.raises(MapUnavailable):
        address_matches("fail:x", "192.0.2.1")


@pytest.mark.parametrize(
    ("text", "address", "expected"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("[2001:db8::]/32", "2001:db8::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("[::1]/128", "::1", True),
        ("!10.1.0.0/16 10.0.0.0/8", "10.1.0.1", False),
        ("!10.1.0.0/16 10.0.0.0/8", "10.2.0.1", True),
        ("[::ffff:127.0.0.0]/104", "127.0.0.1", False),
        ("[::ffff:127.0.0.0]/104", "::ffff:127.0.0.1", True),
        ("10.0.0.0/8 cidr:{{11.0.0.0/8 x}} !12.0.0.0/9 12.0.0.0/8", "12.1.0.1", False),
        ("10.0.0.0/8 cidr:{{11.0.0.0/8 x}} !12.0.0.0/9 12.0.0.0/8", "12.200.0.1", True),
        ("10.0.0.0/8", "not an address", False),
        ("cidr:{{10.0.0.0/8 ok}}", "10.9.9.9", True),
        ("0.0.0.0/0", "::1", False),
        ("hostname", "10.0.0.1", False),
    ],
)
def test_addresses_match_networks(text: str, address: str, expected: bool) -> None:
    assert address_matches(text, address) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!10.1.2.3 .example.com", False),
        (".example.com !10.1.2.3", True),
        ("!host.example.com 10.0.0.0/8", False),
        ("10.0.0.0/8 !host.example.com", True),
        ("!inline:{.example.com=x} 10.0.0.0/8", False),
        ("!other.test inline:{10.1.2.3=x}", True),
        ("cidr:{{10.0.0.0/8 x}} !host.example.com", True),
        ("other.test 192.0.2.1", False),
    ],
)
def test_the_first_that_matches_name_or_address_decides_about_a_client(
    text: str, expected: bool
) -> None:
    listed = open_match_list(text)
    assert asyncio.run(listed.client_matches("host.example.com", "10.1.2.3")) is expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "10.0.0.1/8",
            'non-null host address bits in "10.0.0.1/8", perhaps you should use "10.0.0.0/8"',
        ),
        ("10.0.0.0/33", "bad mask length"),
        ("10.0.0.0/x", "bad mask value"),
        ("10.0.0/8", "bad network value"),
        ("[::1", "missing ']'"),
        ("!", 'no pattern after "!"'),
        ("nosuch:table", "unsupported dictionary type"),
        ("{a", 'missing "}"'),
    ],
)
def test_what_cannot_be_understood_is_an_error(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        open_match_list(text)


def test_an_empty_list_is_false_and_matches_nothing() -> None:
    assert not open_match_list("  ")
    assert not matches("", "example.com")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    listed = tmp_path / "domains"
    listed.write_text("one.test !10.1.0.0/16 10.0.0.0/8\n")
    os.utime(listed, (1, 1))
    found = open_match_list(f"{listed} four.test")
    assert not found.is_static
    assert asyncio.run(found.matches("one.test"))
    assert asyncio.run(found.address_matches("10.2.0.1"))
    assert not asyncio.run(found.address_matches("10.1.0.1"))
    listed.write_text("two.test\n")
    os.utime(listed, (2, 2))
    deadline = time.monotonic() + 5
    while not asyncio.run(found.matches("two.test")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not asyncio.run(found.matches("one.test"))
    assert asyncio.run(found.matches("four.test"))


_NETWORKS = st.sampled_from(
    ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "[::]/0", "cidr:{{10.1.2.0/24 x}}"]
)


@given(st.lists(st.tuples(st.booleans(), _NETWORKS)))
def test_the_first_network_that_matches_decides(elements: list[tuple[bool, str]]) -> None:
    text = ", ".join(("!" if negated else "") + network for negated, network in elements)
    for key in ("10.1.2.3", "10.1.2.9", "10.1.9.9", "10.9.9.9", "9.9.9.9", "::1"):
        expected = False
        for negated, pattern in elements:
            plain = "10.1.2.0/24" if pattern.startswith("cidr") else pattern
            network = ipaddress.ip_network(plain.replace("[", "").replace("]", ""))
            if ipaddress.ip_address(key) in network:
                expected = not negated
                break
        assert address_matches(text, key) is expected, (text, key)


@given(st.text(st.sampled_from("ab019.:/![]{}@, \n")))
def test_any_list_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError, MapUnavailable):
        asyncio.run(open_match_list(text).matches("a.b"))
    with contextlib.suppress(ConfigError, MapUnavailable):
        asyncio.run(open_match_list(text).address_matches("10.1.0.1"))
