"""Tables that are written in main.cf itself: inline, static; and fail, which never answers.

Postfix: DATABASE_README, postconf(5)
"""

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.keys import fold
from spoolmta.maps.syntax import inside_braces, split_name_value, split_words


class InlineMap:
    """inline:{key=value, {key = text with blanks}}."""

    fixed = False

    def __init__(self, argument: str) -> None:
        """Raises ConfigError: the text is not a list of pairs; the process does not start."""
        self.name = "inline:" + argument
        self._values: dict[str, str] = {}
        for word in split_words(inside_braces(argument)):
            pair = inside_braces(word) if word.startswith("{") else word
            key, value = split_name_value(pair)
            self._values[fold(key)] = value
        if not self._values:
            raise ConfigError(f"{self.name}: empty table; expected inline:{{key=value ...}}")

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self._values.get(fold(key))


class StaticMap:
    """static:value or static:{ value }: the same answer to every key."""

    fixed = True

    def __init__(self, argument: str) -> None:
        """Raises ConfigError: a brace is not closed; the process does not start."""
        self.name = "static:" + argument
        self._value = inside_braces(argument) if argument.startswith("{") else argument

    async def lookup(self, key: str) -> str | None:  # noqa: ARG002
        """See Map."""
        return self._value


class FailMap:
    """fail:name: gives no answer; a means to test what happens then."""

    fixed = False

    def __init__(self, argument: str) -> None:
        self.name = "fail:" + argument

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        raise MapUnavailable(f"{self.name} lookup error for {key}")
