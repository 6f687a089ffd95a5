"""One Section per owner: declarations only, one line per parameter."""

import importlib

from spoolmta.config.parameter import Section


def sections() -> tuple[type[Section], ...]:
    """Return every section there is, by module and name; it imports them all."""
    import pkgutil  # most commands need one section, and must start fast

    found: list[type[Section]] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.")):
        found += [
            value
            for value in vars(importlib.import_module(module)).values()
            if isinstance(value, type) and issubclass(value, Section) and value.__module__ == module
        ]
    return tuple(found)
