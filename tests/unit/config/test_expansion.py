import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.expansion import ExpansionError, expand, parse_level, references

VALUES = {"x": "1", "text": "a b", "nested": "<$text>", "empty": "", "indirect": "$empty"}

EXPANDED = {
    "plain text": "plain text",
    "$x ${x} $(x) ${ x}": "1 1 1 1",
    "$x-y $x.y $xé": "1-y 1.y 1é",
    "$$ $$x": "$ $x",
    "$nested": "<a b>",
    "$undefined|": "|",
    "${x?yes}${undefined?yes}": "yes",
    "${x:no}${undefined:no}": "no",
    "${x? a b }|": " a b |",
    "${x?{a}:{b}} ${undefined?{a}:{b}}": "a b",
    "${x? {a} : {b} } ${x ? {a}:{b}}": "a a",
    "${x?{ a }}|": " a |",
    "$(x?{a}:{b})": "a",
    "${x?{a ${x} $x}}": "a 1 1",
    "${x?${x}z}": "1z",
    "${x?{a}:b}${undefined?{a}:b}": "ab",
    "${empty?yes}${empty:no}": "no",
    "${indirect?yes}": "yes",
    "${{1} == {1} ? {a} : {b}}": "a",
    "${{1}!={01}?{differ}:{same}}": "same",
    "${{10}<{9}?{less}:{more}}": "more",
    "${{10}<{9a}?{less}:{more}}": "less",
    "${{ }=={}?{same}:{differ}}": "differ",
    "${{$x} >= {1} ? {a}}": "a",
    "${{1}=={1}}${{1}=={2}}": "true",
    "${{1}=={2}?a}|": "|",
    "${{3.10} <level {3.9} ? {older} : {newer}}": "newer",
    "${{3.6} ==level {3.6.0} ? {same} : {differ}}": "same",
}


@pytest.mark.parametrize("text", EXPANDED)
def test_names_and_conditions_expand_as_postfix_expands_them(text: str) -> None:
    assert expand(text, VALUES.get) == EXPANDED[text]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("${x", "truncated macro reference"),
        ("$(x}", "truncated macro reference"),
        ("a$", "empty macro name"),
        ("a$ b", "empty macro name"),
        ("${}", "empty macro name"),
        ("${x-y}", "attribute name syntax error"),
        ("${x y}", "attribute name syntax error"),
        ("${x?{a}", "truncated macro reference"),
        ("${x?{a}{b}}", '":" expected'),
        ("${x:{a}:{b}}", "unexpected input"),
        ("${{1} ~ {2} ? {a}}", "expected at"),
        ("${{1} == 1 ? {a}}", '"{expression}" expected'),
        ("${{1} == {1} {a}}", '"?" or ":" expected'),
        ("${{3.x} <level {3.9} ? {a}}", "malformed compatibility level"),
    ],
)
def test_broken_references_are_told(text: str, complaint: str) -> None:
    with pytest.raises(ExpansionError, match=complaint.replace("?", r"\?")):
        expand(text, VALUES.get)


def test_a_value_that_refers_to_itself_is_told() -> None:
    with pytest.raises(ExpansionError, match="unreasonable macro call nesting"):
        expand("$a", {"a": "$b", "b": "x$a"}.get)


def test_references_are_found_in_every_branch() -> None:
    text = "$a ${b?{$c}:{$d}} ${{$e} == {$f} ? {$g} : {$h}} $$i"
    found = references(text)
    assert sorted(found.names) == ["a", "b", "c", "d", "e", "f", "g", "h"]
    assert found.faults == []


def test_references_before_a_fault_are_found() -> None:
    assert references("$a ${b?{$c} x} $d") == (["a", "b", "c"], ['":" expected at: "...$c}>>>x"'])
    assert references("$a ${b-} ${") == (
        ["a"],
        [
            'attribute name syntax error at: "...b>>>-"',
            'truncated macro reference: "$a ${b-} ${"',
        ],
    )


@pytest.mark.parametrize("text", ["3.1024", "3.1.1024", "3.x", "", "3.", "1.2.3.4", "3.-1"])
def test_what_is_no_level_is_refused(text: str) -> None:
    with pytest.raises(ExpansionError, match="expected a number such as 2"):
        parse_level(text)


def test_levels_compare_by_number() -> None:
    assert parse_level("3.10") > parse_level("3.9") > parse_level("3") == parse_level("3.0.0")


TEXTS = st.one_of(
    st.text(alphabet="ab${}()?:<>=! 12\n", max_size=40),
    st.lists(
        st.sampled_from(["$a", "${", "}", "{", "${a?{", "}:{", "==", "<level", " ? ", "1", "3.x"])
    ).map("".join),
)


@given(TEXTS)
def test_any_text_expands_or_is_refused(text: str) -> None:
    try:
        result = expand(text, {"a": "1", "b": "${a}"}.get)
    except ExpansionError:
        return
    assert "$" in text or result == text


@given(TEXTS)
def test_a_text_without_faults_expands(text: str) -> None:
    if not references(text).faults and "level" not in text:
        expand(text, {"a": "1", "b": "${a}"}.get)


def test_a_domain_is_given_in_its_other_form() -> None:
    values = {"d": "b\u00fccher.example", "x": "${domain_to_ascii{$d}}"}
    assert expand("${x} .${ domain_to_ascii{a.$d} }", values.get) == (
        "xn--bcher-kva.example .a.xn--bcher-kva.example"
    )
    assert expand("${domain_to_utf8{xn--bcher-kva.example}}", values.get) == "b\u00fccher.example"
    assert expand("${domain_to_ascii{A_b}} ${domain_to_utf8{A_b}}", values.get) == "A_b A_b"
    assert references("${domain_to_ascii{$d${e?x}}}").names == ["d", "e"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("${domain_to_ascii{\u00fc..x}}", "bad domain argument in: 'domain_to_ascii{\u00fc..x}'"),
        ("${domain_to_utf8{xn--x}}", "bad domain argument in: 'domain_to_utf8{xn--x}'"),
        ("${domain_to_ascii{x} y}", 'unexpected input at: "...x}>>>y"'),
        ("${domain_to_nothing{x}}", 'attribute name syntax error at: "...domain_to_nothing>>>{x}"'),
    ],
)
def test_a_function_that_cannot_be_called_is_told(text: str, fault: str) -> None:
    with pytest.raises(ExpansionError, match=re.escape(fault)):
        expand(text, {}.get)


@pytest.mark.parametrize("text", ["${x?{" * 5000 + "}}" * 5000, "${{" * 5000, "$(" * 5000])
def test_what_is_nested_without_end_is_an_error_or_not_looked_at(text: str) -> None:
    assert len(references(text).names) <= 200
    with pytest.raises(ExpansionError):
        expand(text, {"x": "1"}.get)
