"""Lists of environment variables: what import_environment and export_environment let through.

    NAME                        the variable as it is, if there is one
    NAME=VALUE                  this value
    { NAME = VALUE, a b }       this value, with blanks and commas in it

White space and commas separate; the last that is said of a name counts.

Postfix:    postconf(5) import_environment, export_environment
Must not:   change the environment of the process
"""

from collections.abc import Mapping

from spoolmta.config.words import COMMA_SPACE, inside_braces, split
from spoolmta.errors import ConfigError

_SPACE = " \t\r\n"


def let_through(parameter: str, value: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process begins with if the *parameter* has this *value*.

    Raises ConfigError: the list breaks the syntax; the caller adds where it stands.
    """
    variables: dict[str, str] = {}
    for word in split(value, COMMA_SPACE).words:
        item, fault = inside_braces(word)
        if fault:
            raise ConfigError(f"{parameter}: {fault} (expected {{ NAME = VALUE }})")
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
