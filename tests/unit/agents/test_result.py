import pytest

from spoolmta.agents.result import Result, worst

SENT, WAITS, FAILED = Result("2.0.0", "ok"), Result("4.2.0", "later"), Result("5.1.1", "no")


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([SENT, FAILED, WAITS], WAITS),
        ([SENT, FAILED], FAILED),
        ([SENT, Result("2.1.5", "x")], SENT),
    ],
)
def test_the_worst_speaks_for_all(results: list[Result], expected: Result) -> None:
    assert worst(results) is expected
