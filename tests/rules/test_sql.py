"""SQL lives in spool/ alone; every named statement is used; none reads or sorts a whole queue."""

import ast
import re
from collections.abc import Iterator

import apsw
import pytest

from spoolmta.spool.state import State
from tests.rules.sources import PACKAGE, ROOT, modules

QUERIES = PACKAGE / "spool" / "queries"

# spoolmta's own "hash:" files are SQLite files too, far below the spool; those of "sqlite:" tables
# are somebody else's.
SQL_ELSEWHERE = ("spoolmta/maps/files/index", "spoolmta/maps/servers/sqlite.py")
SQL_TEXT = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|"
    r"CREATE\s+(TABLE|INDEX|VIEW)|PRAGMA\s|BEGIN\s+IMMEDIATE)\s",
    re.DOTALL,
)

# Tables that stay small however long the queue is: rows for what is at work at this moment.
SMALL = {"process", "claim", "upload", "granted", "attempt", "report", "notice", "flush", "crash"}
SMALL |= {"destination", "unplanned", "tally", "forced_expiry", "whole_flush"}
# One row for a command that an operator gave, or for a standing rule.
SMALL |= {"operation", "rule"}
NOT_TABLES = ("CONSTANT ROW", "VIRTUAL TABLE", "json_each", "carray")

# Statements that read a large table on purpose, and why that is right.
SCANS_ALLOWED = {
    "audit_slice": "of what it has taken out of a slice of messages",
    "count_planned": "recipients with deliveries are bounded by qmgr_message_recipient_limit",
    "claim_maildrop": "in key order, and it stops at the limit",
    "claim_incoming": "in key order, and it stops at the limit",
    "measure_incoming": "in key order, and it stops at the limit",
    "count_active": "active is bounded by qmgr_message_active_limit",
    "busy_destinations": "what is let go or under way at this moment",
    "read_schedule": "an operator asks; active mail is bounded by qmgr_message_active_limit",
    "count_schedule": "an operator asks; active mail is bounded by qmgr_message_active_limit",
    "count_let_go": "what is let go or under way at this moment",
    "count_busy": "what is let go or under way at this moment",
    "active_since": "an operator makes a rule; active mail is bounded by qmgr_message_active_limit",
    "messages_by_way": "a rule ends; deliveries are of active mail alone",
    "messages_slowed": "a rule ends; deliveries are of active mail alone",
    "end_of_look": "in key order, and it stops at the limit",
    "delete_oldest_events": "in key order, and it stops at the limit",
    "states_of_messages": "whether there is a row at all",
    "keep_places": "whether there is a row at all",
    **dict.fromkeys((f"those_in_{state}" for state in State), "whether there is a row at all"),
    **dict.fromkeys(
        (
            "select_sender",
            "select_sender_exactly",
            "select_client",
            "select_sasl_user",
            "select_older_than",
            "select_recipient",
            "select_domain",
            "select_nexthop",
            "select_reason",
            "select_maildrop",
            "select_incoming",
            "select_active",
            "select_deferred",
            "select_hold",
            "select_corrupt",
        ),
        "an operator's selector: one table once; an index would cost every message",
    ),
    "oldest_trash": "in key order, and it stops at the limit",
    "size_of_trash": "the keeper, once a minute, and only while there is something in it",
    "expire_reroutes": "the keeper, once a minute: what operators rerouted",
    "expire_priorities": "the keeper, once a minute: what operators put first",
    "expire_operations": "in key order, and it stops at the limit",
    "messages_nowhere": "an operator has the whole spool checked (postsuper -s)",
    "read_states": "an operator asks how many messages there are; a count per table",
}
SORTS_ALLOWED = {
    "audit_slice": "a slice of messages",
    "load_events_of_message": "those of one message",
    "count_by_sender": "what an operator has selected, before the question",
    "count_by_domain": "what an operator has selected, before the question",
    "changed_again": "what later commands changed",
    "recipients_by_domain": "of the messages of one page",
    "senders_by_domain": "of the messages of one page",
    "count_planned": "recipients with deliveries are bounded by qmgr_message_recipient_limit",
    "load_unplanned": "a row for each active message with very many recipients",
    "recent_events": "a few kinds, of the last events",
    "read_schedule": "an operator asks; active mail is bounded by qmgr_message_active_limit",
    "count_schedule": "an operator asks; active mail is bounded by qmgr_message_active_limit",
    "count_let_go": "what is let go or under way at this moment",
    "busy_destinations": "what is let go or under way at this moment",
    "known_sites": "destinations of one name: no more than there are transports",
    "read_states": "six rows, one a state",
    "count_crashes_of_attempts": "of one dead process: no more than its deliveries under way",
}


def _statements() -> Iterator[tuple[str, str]]:
    """Yield (name, SQL) of every named statement."""
    for path in sorted(QUERIES.glob("*.sql")):
        for block in re.split(r"^-- name: *", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, text = block.partition("\n")
            yield name.strip(), text


STATEMENTS = dict(_statements())


def test_sql_is_said_in_the_spool_alone() -> None:
    wrong = [
        f"{module.path}: {text.strip()[:60]!r}"
        for module in modules()
        if module.package != "spool" and not module.path.startswith(SQL_ELSEWHERE)
        for text in module.strings()
        if SQL_TEXT.match(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_engine_is_known_to_the_spool_alone() -> None:
    wrong = [
        f"{module.path}:{line}: {name}"
        for module in modules()
        if module.package != "spool" and not module.path.startswith(SQL_ELSEWHERE)
        for line, name in module.imports()
        if name.partition(".")[0] in {"apsw", "sqlite3"}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_statement_is_named_twice() -> None:
    names = [name for name, _ in _statements()]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)


def test_every_named_statement_is_used() -> None:
    said = set().union(*(module.strings() for module in modules()))
    built = [pattern for module in modules() for pattern in _built_names(module.tree)]
    unused = sorted(
        name
        for name in set(STATEMENTS) - said
        if not any(pattern.fullmatch(name) for pattern in built)
    )
    assert not unused, f"named statements that no code runs: {unused}"


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_or_sorts_a_whole_queue(name: str, plans: apsw.Connection) -> None:
    text = STATEMENTS[name]
    scans, sorts = [], []
    for row in plans.execute(f"EXPLAIN QUERY PLAN {text}", _bindings(text)):
        step = str(row[3])
        if step.startswith("SCAN") and not _is_small(step, text):
            scans.append(step)
        if "TEMP B-TREE" in step:
            sorts.append(step)
    assert not scans or name in SCANS_ALLOWED, f"{name}: {scans}"
    assert not sorts or name in SORTS_ALLOWED, f"{name}: {sorts}"


def test_the_lists_of_exceptions_name_statements_that_exist() -> None:
    assert set(SCANS_ALLOWED) | set(SORTS_ALLOWED) <= set(STATEMENTS)


@pytest.fixture(scope="module")
def plans() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    connection.execute((ROOT / "schema.sql").read_text())
    yield connection
    connection.close()


def _bindings(text: str) -> tuple[None, ...] | dict[str, None]:
    """Return a NULL for each binding of a statement, by number or by name."""
    code = re.sub(r"--.*|'[^']*'", "", text)
    if "?" in code:
        return (None,) * code.count("?")
    return dict.fromkeys(re.findall(r"[:@$]([a-z_]+)", code))


def _built_names(tree: ast.Module) -> Iterator[re.Pattern[str]]:
    """Yield a pattern for each f-string that may be a statement's name, as f"claim_{state}"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            if re.fullmatch(r"[a-z_]+", "".join(str(part) for part in parts if part)):
                yield re.compile("".join("[a-z]+" if part is None else str(part) for part in parts))


def _is_small(step: str, text: str) -> bool:
    """Tell whether a SCAN step of a plan goes over a table that is always small."""
    if any(mark in step for mark in NOT_TABLES):
        return True
    name = step.split()[1].strip("()")
    alias = re.search(rf"\b(\w+)\s+(?:AS\s+)?{re.escape(name)}\b", text, re.IGNORECASE)
    return name in SMALL or bool(alias and alias[1] in SMALL)
