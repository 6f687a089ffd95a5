"""How lists are written in main.cf: words, and {groups} that may hold blanks.

Postfix:    postconf(5) "MAIN.CF FILE FORMAT", DATABASE_README (inline, unionmap, pipemap)
Must not:   open anything
"""

from spoolmta.config.words import COMMA_SPACE, split
from spoolmta.errors import ConfigError


def split_words(text: str) -> list[str]:
    """Return the words of a list; blanks, commas and line ends separate them outside of braces.

    Raises ConfigError: a brace is not closed; the caller reports it with the parameter's name.
    """
    words, left_open = split(text, COMMA_SPACE)
    if left_open:
        raise ConfigError(f'missing "}}" in "{text.strip()}"')
    return words


def inside_braces(text: str) -> str:
    """Return the text between the braces of "{ text }", without outer blanks.

    Raises ConfigError: the text is not in braces.
    """
    text = text.strip()
    if text[:1] != "{" or text[-1:] != "}" or len(text) < 2:
        raise ConfigError(f'expected "{{ ... }}", found "{text}"')
    return text[1:-1].strip()


def split_name_value(text: str) -> tuple[str, str]:
    """Return "name = value" as a pair, without the blanks around either.

    Raises ConfigError: there is no "=", or no name before it.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise ConfigError(f'expected "name = value", found "{text}"')
    return name, value.strip()
