"""What operators did, and how it is taken back: the list, the question, the tale."""

from spoolmta.cli.messages import preview
from spoolmta.cli.messages.surgery import tell_each
from spoolmta.cli.output import note, print_json, print_table, printable
from spoolmta.cli.units import format_age, format_time, plural
from spoolmta.errors import UsageError
from spoolmta.message.queue_id import format_queue_id
from spoolmta.service.crash import crash_point
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.surgery import operations
from spoolmta.spool.surgery import undo as undoing
from spoolmta.spool.surgery.operations import Author, Operation

_COLUMNS = ("NUMBER", "TIME", "BY", "VERB", "MESSAGES", "WHAT", "BECAUSE")


def show(spool: Spool, limit: int, *, as_json: bool) -> None:
    """Print what was done, the latest first."""
    found = operations.recent(spool, limit)
    if as_json:
        for operation in found:
            print_json(operation)
    elif found:
        print_table(
            _COLUMNS, [_row(operation) for operation in found], right=("NUMBER", "MESSAGES")
        )
    else:
        note("Nothing was done to the queue that could be undone.")


def take_back(
    spool: Spool, number: int | None, author: Author, *, yes: bool, as_json: bool
) -> bool:
    """Take back an operation, or the latest; return True if all its messages are as they were.

    Raises UsageError: there is no such operation, or nobody to ask.
    """
    operation = operations.find(spool, number)
    if operation is None:
        which = "nothing was done" if number is None else f"{number}: there is no such operation"
        raise UsageError(f"{which}; spoolmta undo list shows what can be undone")
    if number is None and not yes and not _agreed(spool, operation):
        note("Nothing was done.")
        return False
    spool.enlarge_cache()
    with spool.transaction() as tx:
        undone = undoing.undo(tx, operation, author)
        crash_point("undo.before_commit")
    crash_point("undo.after_commit")
    left = {why: _names(spool, ids) for why, ids in undone.left.items()}
    if as_json:
        print_json({"operation": operation.operation_id, "undone": len(undone.back), "left": left})
        return not left
    for why, names in left.items():
        tell_each(names, f"{why}; left alone")
    print(f"{operation.verb} of {plural(len(undone.back), 'message')} undone")
    return not left


def _agreed(spool: Spool, operation: Operation) -> bool:
    """Ask whether the latest operation is the one that is meant."""
    ago = format_age(spool.clock.now() - operation.at)
    note(
        f"the latest is {operation.operation_id}: {operation.verb} of"
        f" {plural(operation.messages, 'message')} by {printable(operation.author)}, {ago} ago"
    )
    return preview.agreed("undo", operation.messages, "undo it? [y/N] ")


def _names(spool: Spool, ids: list[int]) -> list[str]:
    """Return the queue ids, also of messages that are gone."""
    names = {entry.message_id: entry.queue_id for entry in inspect.entries(spool, ids)}
    return [names.get(number) or format_queue_id(number) for number in ids]


def _row(operation: Operation) -> tuple[object, ...]:
    verb = operation.verb + (" (undone)" if operation.undone_at is not None else "")
    what = " ".join(f"{name}={_text(value)}" for name, value in operation.selection.items())
    return (
        operation.operation_id,
        format_time(operation.at),
        operation.author,
        verb,
        operation.messages,
        what,
        operation.because,
    )


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
