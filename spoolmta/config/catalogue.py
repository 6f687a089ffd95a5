"""Every parameter that Postfix knows, also those that no section declares.

The catalogue answers what a name that spoolmta does not use would be by default, so that
postconf(1) can print it and $name can refer to it, and it tells a known name from a slip.

Postfix:    postconf(5)
Reads:      config/catalogue.cf
"""

from functools import cache
from importlib import resources


def default(name: str) -> str | None:
    """Return the default of an undeclared parameter as main.cf text; None if Postfix has none."""
    return known().get(name)


@cache
def known() -> dict[str, str]:
    """Return the defaults of the parameters in the catalogue, by name."""
    text = resources.files("spoolmta.config").joinpath("catalogue.cf").read_text("utf-8")
    names: dict[str, str] = {}
    for line in text.split("\n"):
        name, mark, value = line.partition(" =")
        if mark and not line.startswith("#"):
            names[name] = value.strip()
    return names
