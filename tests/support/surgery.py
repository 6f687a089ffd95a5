"""An operator's verbs on a mail system that is run step by step, and their undoing."""

from collections.abc import Callable, Sequence

from spoolmta.spool.connection import Transaction
from spoolmta.spool.surgery import admin, edits, operations, returns, undo
from spoolmta.spool.surgery.admin import Done
from spoolmta.spool.surgery.operations import Author, Deed, Operation
from spoolmta.spool.surgery.undo import Undone
from spoolmta.spool.surgery.ways import Route
from tests.support.mta import Mta

BY = Author("carol", 1000)
Ids = list[int]
Verb = Callable[[Transaction, Ids, Operation], Done]

VERBS: dict[str, Verb] = {
    "hold": lambda tx, ids, op: admin.hold(tx, ids, "wait", operation=op),
    "release": lambda tx, ids, op: admin.release(tx, ids, op),
    "requeue": lambda tx, ids, op: admin.requeue(tx, ids, operation=op),
    "delete": lambda tx, ids, op: admin.delete(tx, ids, operation=op),
    "bounce": lambda tx, ids, op: returns.bounce(tx, ids, returns.Answer("5.7.0", "no"), op),
    "expire": lambda tx, ids, op: returns.expire(tx, ids, op),
    "force-expire": admin.expire,
    "reroute": lambda tx, ids, op: edits.reroute(tx, ids, Route("discard", ""), None, op),
    "prioritise": lambda tx, ids, op: edits.prioritise(tx, ids, op),
    "sender": lambda tx, ids, op: edits.change_sender(tx, ids, "new@news.example", op),
    "add-recipient": lambda tx, ids, op: edits.add_recipient(tx, ids, "c@inbox.example", op),
    "drop-recipient": lambda tx, ids, op: edits.drop_recipient(tx, ids, "b@*", op),
    "replace-recipient": lambda tx, ids, op: edits.replace_recipient(
        tx, ids, "b@*", "bob@inbox.example", op
    ),
}


def operate(mta: Mta, verb: str, message_ids: Sequence[int]) -> Done:
    """Do a verb to messages as spoolmta queue does."""
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed(verb, BY, "ticket 17"))
        done = VERBS[verb](tx, list(message_ids), operation)
        operations.finish(tx, operation, len(done.done))
    return done


def take_back(mta: Mta) -> Undone:
    """Undo what was done last and stands."""
    operation = operations.find(mta.context.spool)
    assert operation is not None
    with mta.context.spool.transaction() as tx:
        return undo.undo(tx, operation, BY)
