"""Tables for people."""

import pytest

from spoolmta.cli.output import print_table, printable, shorten


def test_a_table_is_aligned_and_numbers_are_at_the_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("NAME", "COUNT"), [("a", 5), ("bcdef", 1000)], right={"COUNT"})
    assert capsys.readouterr().out == "NAME   COUNT\na          5\nbcdef   1000\n"


def test_a_table_without_headings_keeps_the_widths(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "B"), [("a", None)], headings=False)
    assert capsys.readouterr().out == "a\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (5, "5"), (b"\xff", "\ufffd"), ("ü", "ü"), ("a\x1b[2J\nb", "a?[2J?b")],
)
def test_a_terminal_shows_and_does_not_obey(value: object, text: str) -> None:
    assert printable(value) == text


def test_long_text_is_cut_visibly() -> None:
    assert [shorten("abcdef", 4), shorten("abcd", 4)] == ["abc…", "abcd"]
