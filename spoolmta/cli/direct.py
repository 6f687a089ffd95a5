"""The commands that answer at once: their plain command lines are read here, without typer.

An operator looks at these again and again, or is in a hurry, and typer alone takes longer to start
than they do. What is not plain (--help, more options, a mistake) is typer's, which says what is
wrong.

Must not: import what the command does not need
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spoolmta.cli.messages.choice import Choice

_JSON = "--json"
# That of the command (messages/queues.py).
_LISTED = 100
# A number that is longer is typer's to judge.
_DIGITS = 10


def run(arguments: Sequence[str]) -> int | None:
    """Do what a plain command line says; return the exit status, None if it is for typer."""
    match arguments:
        case ["-c" | "--config", directory, *rest]:
            return _run(directory, rest)
    return _run(None, arguments)


def _run(directory: str | None, arguments: Sequence[str]) -> int | None:
    as_json = _JSON in arguments
    match [word for word in arguments if word != _JSON]:
        case ["status"]:
            return _status(directory, as_json=as_json)
        case ["why", what] if not what.startswith("-"):
            return _why(directory, what, as_json=as_json)
        case ["queue", "list"]:
            return _list(directory, _LISTED, as_json=as_json)
        case ["queue", "list", "--limit", number] if _is_number(number):
            return _list(directory, int(number), as_json=as_json)
        case ["queue", "hold" | "release" | "delete" as verb, *words]:
            return _change(directory, verb, words, as_json=as_json)
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < _DIGITS


def _status(directory: str | None, *, as_json: bool) -> int:
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import system_status

    return 0 if system_status.show(Access(directory), as_json=as_json) else 1


def _why(directory: str | None, what: str, *, as_json: bool) -> int:
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import hindrance_report

    return 0 if hindrance_report.show(Access(directory), what, as_json=as_json) else 1


def _list(directory: str | None, limit: int, *, as_json: bool) -> int:
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import listing
    from spoolmta.cli.messages.choice import Choice

    with Access(directory).spool() as spool:
        listing.show(spool, Choice(), limit=limit, as_json=as_json)
    return 0


def _change(directory: str | None, name: str, words: Sequence[str], *, as_json: bool) -> int | None:
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import queue_verbs, surgery

    choice = _choice(words)
    if choice is None:
        return None
    verbs = (queue_verbs.hold(""), queue_verbs.release(), queue_verbs.delete())
    (verb,) = (verb for verb in verbs if verb.name == name)
    asked = surgery.Asked(author.who(), yes=True, as_json=as_json)
    return 0 if surgery.run(Access(directory), verb, choice, asked) else 1


def _choice(words: Sequence[str]) -> "Choice | None":
    """Return what ids and filters mean that nobody is asked about; None if there is more."""
    from spoolmta.cli.messages.choice import Choice, Filters

    ids: list[str] = []
    filters: dict[str, list[str]] = {}
    agreed = False
    rest = iter(words)
    for word in rest:
        option = word.removeprefix("--").replace("-", "_")
        if word in ("--yes", "-y"):
            agreed = True
        elif not word.startswith("-"):
            ids.append(word)
        elif word.startswith("--") and option in Filters._fields and option != "older_than":
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            filters.setdefault(option, []).append(value)
        else:
            return None
    given = Filters._make(filters.get(name) for name in Filters._fields)
    return Choice.of(ids, given) if agreed else None
