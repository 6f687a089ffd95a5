import asyncio
from pathlib import Path

import pytest

from spoolmta.errors import ConfigError
from spoolmta.maps import open_map
from spoolmta.maps.pattern import PatternMap


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
        (r"/a{x/", "a{x", True),
        (r"/^a.b$/", "a\nb", True),
        (r"/^b$/", "a\nb", False),
        (r"/^b$/m", "a\nb", True),
        (r"/end$/", "end\n", False),
        (r"/\<word\>/", "a word here", True),
        (r"/\<word\>/", "swords", False),
        (r"/(a)\1/", "aa", True),
        (r"/\d/", "d", True),
        (r"/a\(b\)/x", "ab", True),
        (r"/a(b)/x", "a(b)", True),
        (r"/a+/x", "a+", True),
        (r"/a/!/b/", "a", True),
        (r"/a/!/b/", "ab", False),
        (r"/[a\]/", "\\", True),
        (r"/(?x/", "x", False),
    ],
)
def test_posix_patterns_mean_what_posix_says(
    rule: str, key: str, hit: bool, tmp_path: Path
) -> None:
    if rule == r"/(?x/":
        with pytest.raises(ConfigError):
            ask(rule + " yes", key, tmp_path)
        return
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
        ("/a/ ok\n/(/ x", r"rules, line 2: "),
        ("/a/ $1", "out of range replacement index 1"),
        ("/a/ $x", 'bad replacement "\\$x"'),
        ("!/(a)/ $1", "negated pattern"),
        ("word value", "expected /pattern/flags"),
        ("/open value", 'no closing regexp delimiter "/"'),
        ("/a/q x", 'unknown regexp option "q"'),
        ("endif", "ENDIF without matching IF"),
        ("if /a/", "IF without matching ENDIF"),
        ("if /a/ text\nendif", "unexpected text"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_told_with_its_line(
    rules: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        ask(rules, "", tmp_path)


def test_text_of_the_key_is_kept_out_where_it_must_be() -> None:
    with pytest.raises(ConfigError, match="not allowed"):
        open_map("pcre:{{/(.*)/ $1}}", substitution=False)
    with pytest.raises(ConfigError, match="not allowed"):
        open_map("proxy:regexp:{{/(.*)/ $1}}", substitution=False)
    assert open_map("pcre:{{/(.*)/ x}}", substitution=False)


def test_rules_may_stand_in_main_cf() -> None:
    table = open_map("regexp:{ { /^(.*)$/ <$1> }, {/x/ y} }")
    assert asyncio.run(table.lookup("q")) == "<q>"


def test_a_group_that_took_no_part_is_empty(tmp_path: Path) -> None:
    assert ask("/a(b)?/ [$1]", "a", tmp_path) == "[]"
