import asyncio

import pytest

from spoolmta.errors import ConfigError
from spoolmta.maps.cidr import CidrMap

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
        ("{{192.0.2.0/24}}", 'no value for "192.0.2.0/24"'),
        ("{{192.0.2.1/24 x}}", r"line 1: .*use \"192.0.2.0/24\""),
        ("{{name x}}", "bad network address"),
        ("{{endif}}", "ENDIF without matching IF"),
        ("{{if 10.0.0.0/8}}", "IF without matching ENDIF"),
        ("{{if 10.0.0.0/8 x}, {endif}}", "unexpected text"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_told(rules: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        CidrMap(rules)
