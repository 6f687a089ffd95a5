import asyncio
import contextlib
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import MapUnavailable
from spoolmta.maps import open_map
from spoolmta.maps.patterns.pattern import PatternMap


def ask(rules: str, key: str, tmp_path: Path, *, perl: bool = False) -> str | None:
    path = tmp_path / "rules"
    path.write_text(rules)
    return asyncio.run(PatternMap(str(path), perl=perl).lookup(key))


RULES = r"""
# comment
/^a(.)c(x)?$/	one $1-${2}-$(1) $$x
/^two/i lower
|^pipe| p
if /^n/
/nested/ in n
if !/z/
/^nq/ not z
endif
/late/
   continued value
ENDIF
/A\.B/ dot
/^h[[:digit:]]+$/ digits
/\/slash/ slash
!/^[^~]*$/ tilde
"""


@pytest.mark.parametrize("perl", [True, False])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("abc", "one b--b $x"),
        ("ABC", "one B--B $x"),
        ("abcx", "one b-x-b $x"),
        ("two", "lower"),
        ("TWO", None),
        ("pipe", "p"),
        ("nested", "in n"),
        ("nested elsewhere", "in n"),
        ("xnested", None),
        ("nqz", None),
        ("nq", "not z"),
        ("n late", "continued value"),
        ("a.b", "dot"),
        ("axb", None),
        ("h12", "digits"),
        ("a/slash", "slash"),
        ("with ~", "tilde"),
    ],
)
def test_rules_are_tried_in_their_order(
    key: str, value: str | None, perl: bool, tmp_path: Path
) -> None:
    assert ask(RULES, key, tmp_path, perl=perl) == value


@pytest.mark.parametrize(
    ("rule", "key", "hit"),
    [
        (r"/^[\d]+$/", "\\", True),
        (r"/^[\d]+$/", "12", False),
        (r"/^[]x]$/", "]", True),
        (r"/^[^]x]$/", "]", False),
        (r"/a{2}/", "aa", True),
        (r"/^a.b$/", "a\nb", True),
        (r"/^b$/", "a\nb", False),
        (r"/^b$/m", "a\nb", True),
        (r"/end$/", "end\n", False),
        (r"/\<word\>/", "a word here", True),
        (r"/\<word\>/", "swords", False),
        (r"/(a)\1/", "aa", True),
        (r"/a\(b\)/x", "ab", True),
        (r"/a(b)/x", "a(b)", True),
        (r"/a+/x", "a+", True),
        (r"/a/!/b/", "a", True),
        (r"/a/!/b/", "ab", False),
        (r"/[a\]/", "\\", True),
    ],
)
def test_posix_patterns_mean_what_posix_says(
    rule: str, key: str, hit: bool, tmp_path: Path
) -> None:
    assert (ask(rule + " yes", key, tmp_path) == "yes") is hit


@pytest.mark.parametrize(
    ("rule", "key", "hit"),
    [
        (r"/^[\d]+$/", "12", True),
        (r"/^a.b$/", "a\nb", True),
        (r"/^a.b$/s", "a\nb", False),
        (r"/a b/x", "ab", True),
        (r"/b/A", "ab", False),
        (r"/end$/", "end\n", True),
        (r"/end$/E", "end\n", False),
        (r"/end\z/", "end\n", False),
        (r"/^\Qa.b\E$/", "a.b", True),
        (r"/^\Qa.b\E$/", "axb", False),
        (r"/^\x{41}$/i", "A", True),
        (r"/^(?<name>a)(?P=name)$/", "aa", True),
        (r"/^[[:upper:]\h]+$/i", "A B", True),
        (r"/^(?>a+)b/", "aab", True),
        (r"/^\h+x/", "\t x", True),
        (r"/(?i)x/i", "X", True),
    ],
)
def test_perl_patterns_mean_what_pcre_says(rule: str, key: str, hit: bool, tmp_path: Path) -> None:
    assert (ask(rule + " yes", key, tmp_path, perl=True) == "yes") is hit


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ("/z/ ok\n/(/ x", r"rules, line 2: Unmatched"),
        ("/a/ $1", 'out of range replacement index "1": skipping this rule'),
        ("/a/ $x", 'non-numeric replacement index "x"'),
        ("/a/ ${1", 'truncated macro reference: "${1"'),
        ("!/(a)/ $1", "$number found in negative match replacement text"),
        ("word value", "ignoring unrecognized request"),
        ("/open value", 'no closing regexp delimiter "/"'),
        ("/a/q x", 'unknown regexp option "q"'),
        ("endif", "ignoring ENDIF without matching IF"),
        ("if /a/", "IF has no matching ENDIF"),
        ("if /b/ text\nendif", 'ignoring extra text after IF statement: "text"'),
    ],
)
def test_a_rule_that_cannot_be_understood_is_left_out_with_a_warning(
    rules: str, complaint: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(f"{rules}\n/^x$/ good\n", "a", tmp_path) is None
    assert complaint in caplog.text


def test_text_of_the_key_is_kept_out_where_it_must_be(caplog: pytest.LogCaptureFixture) -> None:
    rules = "{{/(.*)/ $1}, {/a/ x}}"
    for spec in (f"pcre:{rules}", f"proxy:regexp:{rules}"):
        caplog.clear()
        table = open_map(spec, substitution=False)
        assert asyncio.run(table.lookup("a")) == "x"
        assert "regular expression substitution is not allowed" in caplog.text


def test_an_expression_that_gives_up_is_no_mismatch(tmp_path: Path) -> None:
    with pytest.raises(MapUnavailable, match="line 1: match limit exceeded"):
        ask("/^(a+)+$/ x", "a" * 40 + "b", tmp_path, perl=True)


@pytest.mark.parametrize("perl", [True, False])
def test_the_alternative_that_is_taken_is_the_library_s(perl: bool, tmp_path: Path) -> None:
    value = ask("/^(a|ab)(c|bcd)*/ <$1,$2>", "abcd", tmp_path, perl=perl)
    assert value == "<a,bcd>"
    assert ask("/x(a|ab)/ <$1>", "xab", tmp_path, perl=perl) == ("<a>" if perl else "<ab>")


@pytest.mark.parametrize("perl", [True, False])
def test_many_rules_answer_as_each_alone_would(perl: bool, tmp_path: Path) -> None:
    rules = "".join(f"/^user{n}@dom\\.test$/ {n}\n" for n in range(500))
    assert ask(rules + "/./ last\n", "user77@dom.test", tmp_path, perl=perl) == "77"
    assert ask(rules + "/./ last\n", "user777@dom.test", tmp_path, perl=perl) == "last"
    assert ask("!/u/ none\n" + rules, "x", tmp_path, perl=perl) == "none"


@given(st.text(st.sampled_from("ab/$!(1){}if endif\\[]*|^i \t\n#x")), st.booleans())
def test_no_text_is_anything_but_a_table(text: str, perl: bool) -> None:
    logging.disable()
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        try:
            with contextlib.suppress(MapUnavailable):
                asyncio.run(PatternMap(file.name, perl=perl).lookup("ab"))
        finally:
            logging.disable(logging.NOTSET)


def test_rules_may_stand_in_main_cf() -> None:
    table = open_map("regexp:{ { /^(.*)$/ <$1> }, {/x/ y} }")
    assert asyncio.run(table.lookup("q")) == "<q>"


def test_a_group_that_took_no_part_is_empty(tmp_path: Path) -> None:
    assert ask("/a(b)?/ [$1]", "a", tmp_path) == "[]"
