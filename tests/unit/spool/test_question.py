"""An operator's own SELECT: what is allowed, and where it ends."""

from pathlib import Path

import pytest

from spoolmta.errors import SpoolUnusable, UsageError
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions.question import ask

COUNTING = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "


def test_a_select_over_a_view_is_answered(spool: Spool, path: Path) -> None:
    answer = ask(path, "SELECT state, messages FROM v1_states", seconds=5, limit=10)
    assert answer.columns == ("state", "messages")
    assert answer.rows[0] == ("maildrop", 0)
    assert answer.complete


def test_the_columns_are_known_without_a_row(spool: Spool, path: Path) -> None:
    answer = ask(path, "SELECT queue_id, sender FROM v1_queue", seconds=5, limit=10)
    assert (answer.columns, answer.rows) == (("queue_id", "sender"), [])


def test_rows_beyond_the_limit_are_left_out_and_that_is_said(spool: Spool, path: Path) -> None:
    answer = ask(path, COUNTING + "i FROM n", seconds=5, limit=3)
    assert (answer.rows, answer.complete) == ([(1,), (2,), (3,)], False)


def test_a_question_that_takes_too_long_is_stopped(spool: Spool, path: Path) -> None:
    with pytest.raises(UsageError, match=r"stopped after 0\.1 s"):
        ask(path, COUNTING + "count(*) FROM n", seconds=0.1, limit=3)


def test_nobody_may_read_for_so_long_that_the_log_grows(spool: Spool, path: Path) -> None:
    with pytest.raises(UsageError, match="ask a copy"):
        ask(path, "SELECT 1", seconds=61, limit=3)


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM message",
        "UPDATE deferred SET retry_at = 0",
        "INSERT INTO flush (requested_at) VALUES (1)",
        "DROP TABLE message",
        "CREATE TEMP TABLE t (a)",
        "PRAGMA user_version = 2",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'copy.db'",
        "BEGIN",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM message",
        "SELECT 1; SELECT 2",
    ],
)
def test_only_one_select_is_allowed(spool: Spool, path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        ask(path, text, seconds=5, limit=3)


@pytest.mark.parametrize("text", ["", "  ", "-- nothing", "SELEC 1", "SELECT x FROM y", "SELECT ?"])
def test_what_is_not_understood_is_said(spool: Spool, path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        ask(path, text, seconds=5, limit=3)


def test_there_must_be_a_spool(tmp_path: Path) -> None:
    with pytest.raises(SpoolUnusable):
        ask(tmp_path / "none.db", "SELECT 1", seconds=5, limit=3)
    assert list(tmp_path.iterdir()) == []


def test_mail_flows_on_while_a_question_is_read(spool: Spool, path: Path) -> None:
    with spool.transaction() as tx:
        tx.run("insert_flush", {"now": 1})
        answer = ask(path, "SELECT count(*) FROM flush", seconds=5, limit=3)
    assert answer.rows == [(0,)]
    assert ask(path, "SELECT count(*) FROM flush", seconds=5, limit=3).rows == [(1,)]
