import asyncio
import ipaddress
import logging
import os
import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import ConfigError
from spoolmta.maps.patterns.cidr import CidrMap

RULES = """{
  {192.0.2.1 host},
  {192.0.2.0/24 net},
  {if 10.0.0.0/8}, {10.1.0.0/16 inner}, {!10.2.0.0/15 rest}, {endif},
  {2001:db8::/32 six}, {[::1]/128 loop},
  {!172.16.0.0/12 outside}
}"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("192.0.2.1", "host"),
        ("192.0.2.2", "net"),
        ("10.1.2.3", "inner"),
        ("10.4.2.3", "rest"),
        ("10.2.2.3", "outside"),
        ("2001:db8::7", "six"),
        ("2001:db9::7", None),
        ("::1", "loop"),
        ("172.16.1.1", None),
        ("8.8.8.8", "outside"),
        ("name", None),
        ("[192.0.2.1]", None),
        ("", None),
    ],
)
def test_the_first_rule_that_holds_the_address_answers(key: str, value: str | None) -> None:
    assert asyncio.run(CidrMap(RULES).lookup(key)) == value


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ("{{192.0.2.0/24}}", "no lookup result"),
        ("{{192.0.2.1/24 x}}", 'line 1: .*perhaps you should use "192.0.2.0/24" instead'),
        ("{{name x}}", 'bad address pattern: "name": skipping this rule'),
        ("{{endif}}", "ENDIF without IF"),
        ("{{if 10.0.0.0/8}}", "IF has no matching ENDIF"),
        ("{{if 10.0.0.0/8}, {endif x}}", "garbage after ENDIF"),
        ("{{[10.0.0.0 x}}", "missing ']' character"),
        ("{{!}}", "no address pattern"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_left_out_with_a_warning(
    rules: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = CidrMap(rules[:-1] + ", {198.51.100.0/24 good}}")
    assert asyncio.run(table.lookup("8.8.8.8")) is None
    assert re.search(complaint, caplog.text)


@pytest.mark.parametrize("rules", ["{{10.0.0.0/8 x}", "{10.0.0.0/8 x}", "{{10.0.0.0/8 x}} y"])
def test_a_missing_brace_is_an_error(rules: str) -> None:
    with pytest.raises(ConfigError, match="cidr map: "):
        CidrMap(rules)


def test_an_address_that_wraps_another_is_not_the_other() -> None:
    table = CidrMap("{{::ffff:10.0.0.0/104 wrapped}, {10.0.0.0/8 plain}}")
    assert asyncio.run(table.lookup("::ffff:10.1.2.3")) == "wrapped"
    assert asyncio.run(table.lookup("10.1.2.3")) == "plain"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "networks"
    path.write_text("10.0.0.0/8 old\n")
    os.utime(path, (1, 1))
    table = CidrMap(str(path))
    assert asyncio.run(table.lookup("10.0.0.1")) == "old"
    path.write_text("10.0.0.0/8 new\n")
    os.utime(path, (2, 2))
    deadline = time.monotonic() + 5
    while asyncio.run(table.lookup("10.0.0.1")) != "new":
        assert time.monotonic() < deadline
        time.sleep(0.05)


_NETWORKS = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "::/0", "2001:db8::/32"]
)
_RULES = st.lists(
    st.tuples(st.sampled_from(["value", "value", "value", "if", "endif"]), st.booleans(), _NETWORKS)
)
_KEYS = ["10.1.2.3", "10.1.2.4", "10.1.3.1", "10.2.0.1", "9.0.0.1", "::1", "2001:db8::1"]


def in_order(rules: list[tuple[str, bool, str]], key: str) -> str | None:
    """Return what a reader that takes one rule after the other finds."""
    address = ipaddress.ip_address(key)
    passing = [True]
    for number, (kind, negated, pattern) in enumerate(rules):
        network = ipaddress.ip_network(pattern)
        passes = (
            passing[-1]
            and network.version == address.version
            and (address in network) is not negated
        )
        if kind == "if":
            passing.append(passes)
        elif kind == "endif":
            if len(passing) > 1:
                passing.pop()
        elif passes:
            return str(number)
    return None


@given(_RULES)
def test_the_search_finds_what_a_linear_reader_finds(rules: list[tuple[str, bool, str]]) -> None:
    lines = []
    for number, (kind, negated, pattern) in enumerate(rules):
        mark = "!" if negated else ""
        words = {
            "if": f"if {mark}{pattern}",
            "endif": "endif",
            "value": f"{mark}{pattern} {number}",
        }
        lines.append("{" + words[kind] + "}")
    logging.disable()
    try:
        table = CidrMap("{" + ", ".join(lines) + "}")
    finally:
        logging.disable(logging.NOTSET)
    for key in _KEYS:
        assert asyncio.run(table.lookup(key)) == in_order(rules, key), key


def test_ten_thousand_rules_take_one_search() -> None:
    rules = [f"{{10.{n >> 8}.{n & 255}.0/24 {n}}}" for n in range(10_000)]
    table = CidrMap("{" + ",".join(rules) + "}")

    async def ask() -> None:
        for n in range(10_000):
            assert await table.lookup(f"10.{n >> 8}.{n & 255}.7") == str(n)

    started = time.process_time()
    asyncio.run(ask())
    assert time.process_time() - started < 2


@given(st.text(st.sampled_from("0129.:/![]{}if endfx#\n\t ")))
def test_no_text_is_anything_but_a_table(text: str) -> None:
    logging.disable()
    try:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            asyncio.run(CidrMap(file.name).lookup("10.1.2.3"))
    finally:
        logging.disable(logging.NOTSET)
