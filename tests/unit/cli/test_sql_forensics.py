"""Every question of docs/forensics.md has an answer, over a spool with mail in every state."""

import re
from pathlib import Path

import pytest

from spoolmta.spool.questions.question import Answer, ask
from tests.support.sample_spool import SampleSpool

DOCUMENT = Path(__file__).parents[3] / "docs" / "forensics.md"
QUESTIONS = re.findall(
    r"^\*\*(\d+)\. .*?^```sql\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
)


def answer(sample: SampleSpool, number: int) -> Answer:
    text = {int(key): value for key, value in QUESTIONS}[number]
    text = text.replace("1AC169CD4004000", sample.ids["deferred"])
    return ask(sample.path, text, seconds=10, limit=100)


def test_there_are_at_least_fifteen_questions() -> None:
    assert [int(number) for number, _ in QUESTIONS] == list(range(1, len(QUESTIONS) + 1))
    assert len(QUESTIONS) >= 15


@pytest.mark.parametrize("number", [int(number) for number, _ in QUESTIONS])
def test_a_question_is_understood(sample: SampleSpool, number: int) -> None:
    assert answer(sample, number).columns


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20])
def test_a_question_finds_what_is_there(sample: SampleSpool, number: int) -> None:
    assert answer(sample, number).rows


def test_no_mail_is_missing_from_the_account(sample: SampleSpool) -> None:
    assert answer(sample, 23).rows == []
    with sample.spool.transaction() as tx:
        tx.run("leave_hold", {"ids": _one(sample.number("hold"))})
    assert [row[0] for row in answer(sample, 23).rows] == [sample.ids["hold"]]


def _one(number: int) -> object:
    from spoolmta.spool.connection import numbers

    return numbers([number])
