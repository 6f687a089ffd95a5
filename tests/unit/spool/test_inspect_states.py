"""How many messages are deferred is known without counting them, whatever is done to them."""

import pytest

from spoolmta.errors import ClaimLost
from spoolmta.spool import queues
from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State


def deferred(spool: Spool) -> int:
    return next(s.messages for s in inspect.states(spool) if s.state == "deferred")


def enter(spool: Spool, *ids: int) -> None:
    with spool.transaction() as tx:
        tx.run_many("enter_deferred", ((number, 1, 2) for number in ids))


def test_the_number_follows_what_enters_and_leaves(spool: Spool) -> None:
    assert deferred(spool) == 0
    enter(spool, 1, 2, 3, 4, 5)
    assert deferred(spool) == 5
    with spool.transaction() as tx:
        tx.run("leave_deferred", {"ids": numbers([2, 3, 9])})
    assert deferred(spool) == 3


def test_what_is_rolled_back_does_not_count(spool: Spool) -> None:
    enter(spool, 1)
    with pytest.raises(ClaimLost), spool.transaction() as tx:
        tx.run("enter_deferred", (2, 1, 2))
        queues.remove(tx, State.DEFERRED, [2, 3])
    assert deferred(spool) == 1
