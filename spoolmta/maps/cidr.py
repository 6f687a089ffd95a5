"""cidr:FILE: "network/length value" rules; the first that holds the address gives the value.

    192.0.2.0/24 value      !192.0.2.0/24 value      if 192.0.2.0/24 ... endif

Postfix: cidr_table(5)
Limits:  a rule that cannot be understood is an error, where Postfix leaves it out
"""

from dataclasses import dataclass

from spoolmta.errors import ConfigError
from spoolmta.maps.pattern import rule_lines
from spoolmta.net.network import parse_address, parse_network


@dataclass(slots=True)
class _Rule:
    """*value* is None for "if"; its rules end before rule number *end*."""

    version: int
    network: int
    mask: int
    negated: bool
    value: str | None
    end: int = 0


class CidrMap:
    """A table of networks."""

    fixed = True

    def __init__(self, argument: str) -> None:
        """Raises ConfigError: the file cannot be read, or a rule cannot be understood."""
        self.name = "cidr:" + argument
        self._rules: list[_Rule] = []
        self._open: list[_Rule] = []
        for line in rule_lines(argument):
            try:
                self._add(line.text)
            except ConfigError as error:
                raise ConfigError(f"{self.name}, line {line.number}: {error}") from error
        if self._open:
            raise ConfigError(f"{self.name}: IF without matching ENDIF at the end of the table")

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        address = None if key.startswith("[") else parse_address(key)
        if address is None:
            return None
        version, number = address.version, int(address)
        rules = self._rules
        at = 0
        while at < len(rules):
            rule = rules[at]
            at += 1
            inside = number & rule.mask == rule.network
            if rule.version != version or inside == rule.negated:
                if rule.value is None:
                    at = rule.end
            elif rule.value is not None:
                return rule.value
        return None

    def _add(self, text: str) -> None:
        words = text.split(None, 1)
        first = words[0].lower()
        if first == "endif":
            if not self._open:
                raise ConfigError("ENDIF without matching IF")
            self._open.pop().end = len(self._rules)
            return
        if first == "if":
            rule = _parse_rule(words[1] if len(words) > 1 else "", is_if=True)
            self._open.append(rule)
        else:
            rule = _parse_rule(text, is_if=False)
        self._rules.append(rule)


def _parse_rule(text: str, *, is_if: bool) -> _Rule:
    negated = False
    while text.startswith("!"):
        negated = not negated
        text = text[1:].lstrip()
    pattern, _, value = text.partition(" ") if "\t" not in text else _split(text)
    value = value.strip()
    if is_if == bool(value):
        raise ConfigError(
            f'unexpected text after the network of IF: "{value}"'
            if is_if
            else f'no value for "{pattern}"'
        )
    network = parse_network(pattern)
    return _Rule(
        network.version,
        int(network.network_address),
        int(network.netmask),
        negated,
        None if is_if else value,
    )


def _split(text: str) -> tuple[str, str, str]:
    words = text.split(None, 1)
    return words[0], " ", words[1] if len(words) > 1 else ""
