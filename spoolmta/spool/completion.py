"""What became of messages whose deliveries are answered: the facts, and the moves that follow.

The decision itself is scheduler/completion.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from spoolmta.message.envelope import Notify, Trace
from spoolmta.message.outcome import Action
from spoolmta.spool import events
from spoolmta.spool.connection import Transaction, micros, numbers, seconds


class OpenOutcome(NamedTuple):
    """An outcome that something is left to do for."""

    number: int
    action: Action
    dsn: str
    reason: str
    success: str
    notify: Notify
    address: str
    delay_told: int = 0


class Answered(NamedTuple):
    """An active message without deliveries. Times are seconds.

    *asked*: somebody asked to try it now.
    """

    message_id: int
    queue_id: str
    sender: str
    arrived_at: float
    created_at: float
    open: tuple[OpenOutcome, ...]
    trace: Trace = Trace.NONE
    asked: int = 0


def answered(tx: Transaction, message_ids: Sequence[int]) -> list[Answered]:
    """Return those of *message_ids* that have no delivery left, with their open outcomes."""
    busy = {row[0] for row in tx.run("messages_with_deliveries", {"ids": numbers(message_ids)})}
    done = [message_id for message_id in message_ids if message_id not in busy]
    if not done:
        return []
    open_: dict[int, list[OpenOutcome]] = {}
    for message_id, number, action, dsn, reason, success, notify, address, told in tx.run(
        "open_outcomes", {"ids": numbers(done)}
    ):
        open_.setdefault(message_id, []).append(
            OpenOutcome(number, Action(action), dsn, reason, success, Notify(notify), address, told)
        )
    return [
        Answered(
            message_id,
            queue_id,
            sender,
            seconds(arrived_at),
            seconds(created_at),
            tuple(open_.get(message_id, ())),
            Trace(trace),
            asked,
        )
        for message_id, queue_id, sender, arrived_at, created_at, trace, asked in tx.run(
            "load_ages", {"ids": numbers(done)}
        )
    ]


def expire(tx: Transaction, message_id: int) -> None:
    """Turn the deferred outcomes of a message into bounces: its lifetime is over."""
    tx.run("expire_outcomes", {"message_id": message_id, "now": tx.now})
    events.record(tx, message_id, "expired")


def ask_for_notice(tx: Transaction, message_id: int, kind: str, retry_at: float | None) -> None:
    """Insert a notice; the bounce stage ends or defers the message with the last of them."""
    retry = None if retry_at is None else micros(retry_at)
    tx.run("insert_notice", (message_id, kind, retry))
