"""The audit: every recipient is in an account, and damage names the recipient."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from spoolmta.spool import days
from spoolmta.spool.connection import Spool
from spoolmta.spool.history import History
from spoolmta.spool.questions.audit import Audit, audit
from tests.support.sample_spool import SampleSpool

ACCOUNTS = {
    "delivered": 2, "deferred": 1, "active": 2, "hold": 1, "maildrop": 1, "incoming": 1,
    "corrupt": 1,
}  # fmt: skip


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


def account(spool: Spool) -> Audit:
    *_, (_, found) = audit(spool)
    return found


def damage(sample: SampleSpool, sql: str, name: str) -> None:
    sample.spool._connection.execute(sql, {"id": sample.number(name)})


def test_everybody_is_in_an_account(sample: SampleSpool) -> None:
    found = account(sample.spool)
    assert (found.accounts, found.violators) == (ACCOUNTS, [])
    History(sample.spool).move()
    assert account(sample.spool).accounts == ACCOUNTS


@pytest.mark.parametrize(
    ("sql", "name", "recipient", "problem"),
    [
        ("DELETE FROM hold", "hold", "f@y.example", "in no state"),
        ("INSERT INTO deferred VALUES (:id, 1, 1, 0)", "hold", "f@y.example", "several states"),
        ("DELETE FROM content WHERE message_id = :id", "hold", "f@y.example", "no content"),
        (
            "UPDATE content SET data = substr(data, 2) WHERE message_id = :id",
            "hold",
            "f@y.example",
            "a piece of its message is missing",
        ),
        ("DELETE FROM message WHERE message_id = :id", "hold", "f@y.example", "not here"),
        ("DELETE FROM event WHERE message_id = :id", "hold", "f@y.example", "does not know"),
        (
            "DELETE FROM recipient WHERE message_id = :id",
            "hold",
            "f@y.example",
            "it is not, and had no answer",
        ),
        (
            "DELETE FROM recipient WHERE message_id = :id AND number = 1",
            "active",
            "e@other.example",
            "it is not, and had no answer",
        ),
        (
            "INSERT INTO recipient VALUES (:id, 7, 'x@y.example', '', '', 0)",
            "active",
            "x@y.example",
            "does not know it",
        ),
        (
            "DELETE FROM event WHERE message_id = :id AND kind = 'sent'",
            "gone",
            "alice@inbox.example",
            "had no answer",
        ),
        (
            "DELETE FROM event WHERE message_id = :id AND kind IN ('sent', 'removed')",
            "gone",
            "alice@inbox.example",
            "tells no end",
        ),
        (
            "DELETE FROM event WHERE message_id = :id AND kind = 'sent'",
            "deferred",
            "alice@inbox.example",
            "an answer that the journal does not know",
        ),
        (
            "UPDATE outcome SET action = 'bounced' WHERE message_id = :id AND number = 0",
            "deferred",
            "bob@slow.example",
            "an answer that the journal does not know",
        ),
        (
            "DELETE FROM recipient WHERE message_id = :id",
            "hold",
            "",
            "in a state, and has no recipient",
        ),
        (
            "DELETE FROM message WHERE message_id = :id",
            "hold",
            "",
            "in a state, and the message is not here",
        ),
    ],
)
def test_damage_names_the_recipient(
    sample: SampleSpool, sql: str, name: str, recipient: str, problem: str
) -> None:
    damage(sample, sql, name)
    violators = account(sample.spool).violators
    assert (sample.ids[name], recipient) in {violator[:2] for violator in violators}
    assert any(problem in violator.problem for violator in violators)


def test_damage_in_the_history_names_the_recipient(sample: SampleSpool) -> None:
    History(sample.spool).move()
    with apsw.Connection(str(days.paths(sample.queue / "history")[0])) as day:
        day.execute("DELETE FROM event WHERE kind = 'sent'")
    (violator,) = account(sample.spool).violators
    assert violator.queue_id == sample.ids["gone"]
    assert "had no answer" in violator.problem
