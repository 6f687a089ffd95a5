"""A backup put in the place of the spool, less what was delivered after it was made.

The present spool and its history tell what became of the backup's mail since. The new spool is
made ready beside the old one, which gets another name; then one rename puts it in place.

Must not: run beside a mail system (the caller holds its lock); change anything before the rename
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import msgspec

from spoolmta.clock import Clock
from spoolmta.errors import SpoolUnusable
from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import days, deliveries, events, journal, queues
from spoolmta.spool.backup import Verified, verify
from spoolmta.spool.connection import Spool, Transaction, numbers
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.queues import State

_SIDE_FILES = ("-wal", "-shm")


@dataclass(slots=True)
class Since:
    """What became of a backup's mail after it was made.

    *ended* are messages that are gone, by id; *sent* recipients of others that have the mail, by
    message id and number. *last_event* is the greatest number that was ever given.
    """

    ended: dict[int, str] = field(default_factory=dict)
    sent: dict[tuple[int, int], tuple[str, Outcome]] = field(default_factory=dict)
    last_event: int = 0


def since(backup: Path, spool: Path, clock: Clock) -> tuple[Verified, Since]:
    """Return what is in a backup, and what the present spool knows of it since.

    Raises SpoolUnusable: one of the two cannot be read; the text says which.
    """
    verified = verify(backup)
    found = Since()
    _, found.last_event = days.bounds(spool.with_name(days.FOLDER))
    if spool.exists():
        with contextlib.closing(Spool.open(spool, clock)) as present:
            ids = _ids(backup)
            for told in _later(present, verified.last_event):
                if told.message_id in ids:
                    _note(found, told)
            found.last_event = max(found.last_event, journal.last_number(present))
    return verified, found


def restore(backup: Path, spool: Path, clock: Clock, since: Since, *, drop: bool) -> Path | None:
    """Put the backup in place; return the new name of the spool that was there, if there was one.

    *drop*: what was delivered since is not delivered again.
    """
    ready = spool.with_name(spool.name + ".restored")
    # What a restore that was killed left must not be taken for the log of this copy.
    _remove_side_files(ready)
    try:
        shutil.copyfile(backup, ready)
        ready.chmod(0o660)
        with contextlib.closing(Spool.open(ready, clock)) as new:
            with new.transaction(durable=True) as tx:
                tx.run("skip_to_event", {"last": since.last_event, "now": tx.now})
                if drop:
                    _drop(tx, since)
            new.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        _remove_side_files(ready)
        _synchronize(ready)
        aside = _set_aside(spool, clock)
        ready.replace(spool)
        _synchronize(spool.parent)
    finally:
        ready.unlink(missing_ok=True)
        _remove_side_files(ready)
    return aside


def _later(present: Spool, after: int) -> Iterator[journal.Told]:
    while True:
        page, after = journal.page(present, after)
        if not page:
            return
        yield from page


def _note(found: Since, told: journal.Told) -> None:
    detail = msgspec.json.decode(told.detail)
    key = (told.message_id, detail.get("number", 0))
    if told.kind in ("removed", "deleted"):
        found.ended[told.message_id] = told.queue_id
        for gone in [one for one in found.sent if one[0] == told.message_id]:
            del found.sent[gone]
    elif told.kind == "sent":
        reason, dsn, relay = (str(detail.get(name, "")) for name in ("reason", "dsn", "relay"))
        outcome = Outcome(key[1], Action.SENT, dsn, reason, relay=relay)
        found.sent[key] = (f"{told.queue_id} {told.recipient}", outcome)
    elif told.kind == "deferred":
        found.sent.pop(key, None)


def _drop(tx: Transaction, since: Since) -> None:
    """End what has ended since, and write down who has the mail."""
    _end(tx, sorted(since.ended), "deleted", "not restored: it left the queue after the backup")
    for (message_id, number), (who, outcome) in since.sent.items():
        addresses = {number: who.partition(" ")[2]}
        record_outcomes(tx, message_id, [outcome], addresses)
    ids = sorted({message_id for message_id, _ in since.sent})
    over = sorted(row[0] for row in tx.run("ended_messages", {"ids": numbers(ids)}))
    _end(tx, over, "removed", "every recipient had it when the backup was restored")
    _resolve_afresh(tx, sorted(set(ids).difference(over)))


def _end(tx: Transaction, ids: Sequence[int], kind: str, reason: str) -> None:
    deliveries.withdraw(tx, ids)
    for state in State:
        tx.run(f"leave_{state}", {"ids": numbers(ids)})
    tx.run("delete_notices_of_messages", {"ids": numbers(ids)})
    queues.erase(tx, ids)
    detail = events.detail(reason=reason)
    events.record_many(tx, ((message_id, kind, "", detail) for message_id in ids))


def _resolve_afresh(tx: Transaction, ids: Sequence[int]) -> None:
    """Let what was on its way be planned again: its deliveries knew nothing of the answers."""
    states: dict[int, str] = dict(tx.run("states_of_messages", {"ids": numbers(ids)}))
    for message_id in ids:
        if states.get(message_id) == State.ACTIVE:
            deliveries.withdraw(tx, [message_id])
            tx.run("delete_notices_of_messages", {"ids": numbers([message_id])})
            queues.postpone(tx, message_id, tx.now / 1_000_000)


def _set_aside(spool: Path, clock: Clock) -> Path | None:
    """Give the spool that is there a second name; its log is in it then."""
    if not spool.exists():
        return None
    with contextlib.closing(Spool.open(spool, clock)) as present:
        present.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(clock.now()))
    aside = spool.with_name(f"{spool.name}.replaced-{stamp}")
    os.link(spool, aside)
    _remove_side_files(spool)
    return aside


def _ids(backup: Path) -> set[int]:
    with contextlib.closing(days.open_read_only(backup)) as connection:
        return {row[0] for row in connection.execute("SELECT message_id FROM message")}


def _remove_side_files(path: Path) -> None:
    for suffix in _SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SpoolUnusable(f"{path}: {error}") from error
    finally:
        os.close(descriptor)
