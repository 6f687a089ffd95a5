"""The texts that whatever an expression matches must hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import ConfigError
from spoolmta.maps.patterns.literal import LiteralIndex, folded, required_literal
from spoolmta.maps.patterns.perl import PerlExpression
from spoolmta.maps.patterns.posix import PosixExpression


@pytest.mark.parametrize(
    ("source", "posix", "perl"),
    [
        (rb"^user@Example\.com$", b"user@example.com", b"user@example.com"),
        (rb"abc*de", b"ab", b"ab"),
        (rb"abc+de", b"abc", b"abc"),
        (rb"a|b", b"", b""),
        (rb"(a|b)cd", b"cd", b"cd"),
        (rb"[x|y]cd[^]e]f", b"cd", b"cd"),
        (rb"ab\d", b"", b"ab"),
        (rb"ab\x41", b"", b""),
        (rb"(?x)a b", b"a b", b""),
        (rb"\Qa|b\E", b"", b""),
        (rb"x{a|b}yz", b"", b""),
        (rb"ab{2}c", b"a", b"a"),
        (rb"a)", b"", b""),
    ],
)
def test_a_text_is_found_where_it_is_plain(source: bytes, posix: bytes, perl: bytes) -> None:
    assert required_literal(source, "", perl=False) == posix.decode()
    assert required_literal(source, "", perl=True) == perl.decode()
    assert required_literal(source, "x", perl=True) == ""


@given(
    st.text(st.sampled_from("ab.AB|()[]^$*+?{}1,\\-")).map(str.encode),
    st.lists(st.text(st.sampled_from("abAB")).map(str.encode), min_size=5),
    st.sampled_from(["", "i", "m"]),
    st.booleans(),
)
def test_whatever_matches_holds_the_text(
    source: bytes, subjects: list[bytes], flags: str, perl: bool
) -> None:
    try:
        expression = (PerlExpression if perl else PosixExpression)(source, flags)
    except ConfigError:
        return
    literal = required_literal(source, flags, perl=perl)
    for subject in subjects:
        if expression.matches(subject):
            assert literal in folded(subject), (source, subject)


@given(st.lists(st.text("abc", min_size=1)), st.text("abc"))
def test_the_index_finds_the_literals_that_a_text_holds(literals: list[str], text: str) -> None:
    index = LiteralIndex([(literal, number) for number, literal in enumerate(literals)])
    expected = [number for number, literal in enumerate(literals) if literal in text]
    assert index.numbers(text) == expected
