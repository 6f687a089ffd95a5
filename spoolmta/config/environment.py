"""Lists of environment variables: what import_environment and export_environment let through.

    NAME                        the variable as it is, if there is one
    NAME=VALUE                  this value
    { NAME = VALUE, a b }       this value, with blanks and commas in it

White space and commas separate; the last that is said of a name counts.

Postfix:    postconf(5) import_environment, export_environment
Must not:   change the environment of the process
"""

from collections.abc import Iterator, Mapping

from spoolmta.config.expansion import matching_brace
from spoolmta.errors import ConfigError

_SPACE = " \t\r\n"
_SEPARATORS = f",{_SPACE}"


def let_through(parameter: str, value: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process begins with if the *parameter* has this *value*.

    Raises ConfigError: the list breaks the syntax; the caller adds where it stands.
    """
    variables: dict[str, str] = {}
    for word in _words(value):
        item = _without_braces(parameter, word)
        name, equals, text = (part.strip(_SPACE) for part in item.partition("="))
        if equals and not name:
            raise ConfigError(
                f"{parameter}: missing attribute name in: {item} (expected NAME or NAME=VALUE)"
            )
        if equals:
            variables[name] = text
        elif name in environment:
            variables[name] = environment[name]
    return variables


def _words(value: str) -> Iterator[str]:
    """Return the words of *value*; a brace without its counterpart takes all that follows."""
    start = 0
    while start < len(value):
        end = start
        while end < len(value) and value[end] not in _SEPARATORS:
            closing = matching_brace(value, end) if value[end] == "{" else end
            end = len(value) if closing < 0 else closing + 1
        if end > start:
            yield value[start:end]
        start = end + 1


def _without_braces(parameter: str, word: str) -> str:
    """Return what stands between the braces of "{ a = b }"; other words stay as they are."""
    if not word.startswith("{"):
        return word
    end = matching_brace(word, 0)
    if end < 0:
        raise ConfigError(f"{parameter}: missing '}}' in \"{word}\"")
    if end < len(word) - 1:
        raise ConfigError(
            f"{parameter}: syntax error after '}}' in \"{word}\" (expected a blank or a comma)"
        )
    return word[1:end].strip(_SPACE)
