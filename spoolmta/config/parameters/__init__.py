"""One file per owner: declarations only, one line per parameter.

Every parameter of Postfix is here: in force, where a section says nothing else; or with the reason
why it has no meaning here, or no effect yet.
"""

import importlib
from collections.abc import Iterator
from functools import cache

from spoolmta.config.parameter import Section


@cache
def sections() -> tuple[type[Section], ...]:
    """Return every section of main.cf, by module and name; it imports them all."""
    return tuple(kind for kind in _found() if not kind.brought_by)


@cache
def sections_in_force() -> tuple[type[Section], ...]:
    """Return the sections that code reads."""
    return tuple(kind for kind in sections() if kind.gap is None)


@cache
def sections_of_services() -> tuple[type[Section], ...]:
    """Return the sections that services of master.cf bring along."""
    return tuple(kind for kind in _found() if kind.brought_by)


def _found() -> Iterator[type[Section]]:
    import pkgutil  # most commands need one section, and must start fast

    for module in sorted(m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.")):
        for value in vars(importlib.import_module(module)).values():
            if (
                isinstance(value, type)
                and issubclass(value, Section)
                and value.__module__ == module
            ):
                yield value
