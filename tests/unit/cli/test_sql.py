"""spoolmta sql: output and exit status."""

import json

import pytest

from spoolmta.cli.spoolmta import main
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run

STATES = "SELECT state, messages FROM v1_states WHERE state IN ('hold', 'active')"


@pytest.fixture
def sql(sample: SampleSpool, run: Run) -> Run:
    def sql(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "sql", *arguments)

    return sql


def test_an_answer_is_a_table(sql: Run) -> None:
    assert sql(STATES).out == "state   messages\nactive         1\nhold           1\n"


def test_an_answer_is_json_lines(sql: Run) -> None:
    lines = sql(STATES, "--json").out.strip().split("\n")
    assert [json.loads(line) for line in lines] == [
        {"state": "active", "messages": 1},
        {"state": "hold", "messages": 1},
    ]


def test_an_answer_is_csv(sql: Run) -> None:
    assert sql(STATES, "--csv").out == "state,messages\nactive,1\nhold,1\n"


def test_content_is_shown_as_text(sql: Run) -> None:
    out = sql("SELECT data FROM content LIMIT 1", "--json").out
    assert json.loads(out)["data"].startswith("From: a@news.example\r\n")


def test_a_limit_is_said(sql: Run) -> None:
    ended = sql(STATES, "--limit", 1)
    assert ended.out.count("\n") == 2
    assert "the first 1 rows" in ended.err


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("DELETE FROM message", "only SELECT is allowed here"),
        ("SELEC 1", "syntax error"),
        ("SELECT colour FROM v1_queue", "no such column"),
        ("", "an empty argument means nothing"),
    ],
)
def test_a_question_that_is_none_is_refused(sql: Run, question: str, said: str) -> None:
    ended = sql(question)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err


def test_a_long_question_is_stopped(sql: Run) -> None:
    counting = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    ended = sql(f"{counting} SELECT count(*) FROM n", "--seconds", 0.1)
    assert ended.status == 2
    assert "stopped after 0.1 s" in ended.err


def test_two_formats_are_one_too_many(sql: Run) -> None:
    assert sql(STATES, "--json", "--csv").status == 2


def test_every_column_of_the_views_says_what_it_is(sample: SampleSpool, sql: Run) -> None:
    lines = sql("--columns", "--json").out.strip().split("\n")
    told = [(said["view"], said["column"]) for said in map(json.loads, lines)]
    fields = "SELECT view.name, field.name FROM sqlite_schema AS view, pragma_table_info(view.name)"
    wanted = " AS field WHERE view.type = 'view' AND view.name GLOB 'v1_*' ORDER BY view.name, cid"
    rows = sample.spool._connection.execute(fields + wanted).fetchall()
    assert told == rows
    assert {view for view, _ in told} >= {
        "v1_queue", "v1_recipients", "v1_attempts", "v1_events", "v1_destinations", "v1_processes",
    }  # fmt: skip
