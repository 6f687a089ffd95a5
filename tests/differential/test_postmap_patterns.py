"""Pattern and cidr tables, and tables of tables: postmap of Postfix and ours say the same.

Differences that are meant:
- An expression that gives up (PCRE's match limit) is a lookup error here, and "no match" there.
- The number of a group beyond 2^31 is told as it is written; Postfix shows what is left of it.
"""

import ipaddress
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spoolmta.cli.tables.postmap import main
from tests.support.oracle import Answer, needs_postfix, ours, postfix

pytestmark = needs_postfix

KEYS = (
    *("a", "b", "ab", "abc", "aab", "A", "x", "user@dom.test", "user+ext@dom.test", "a/b", "a|b"),
    *("a1", "-", "é", "a b", "aa", "aaa", "*a", "+a", "a{1", "a)", "ab c", "abcd", "dsant", "end"),
)

PATTERNS = (
    "/^a(.)c(x)?$/ one $1-${2}-$(1) $$x\n/b/ last\n",
    "/^user(\\+[^@]+)?@(.+)$/ <$1> at <$2>\n",
    "/a//b/ v\n",
    "/a/ !/b/ v\n",
    "/a/!/b/!/c/ v\n",
    "!/a/!/b/ v\n",
    "!/a/!/(b)/ $1\n",
    "/(a)/!/b/ $1\n",
    "/a/!/(b)/ $1\n",
    "/a/i!/b/i v\n",
    "/a/! /b/ v\n",
    "/a/!!/b/ v\n",
    "!!/a/ v\n",
    "! /a/ v\n",
    "! \n",
    "!/a\n",
    "/a/!\n",
    "if /a/\n if /b/\n/ab/ x\nendif\n",
    "if /a/\nif /b/\n/ab/ x\nendif\nendif x\n/b/ d\n",
    "if/a/\n/ab/ x\nendif/\n",
    "if ! /a/\n/b/ x\nendif\n",
    "if /a/!/b/\n/a/ x\nendif\n",
    "if\n/a/ x\nendif\n",
    "if a\n/a/ x\nendif\n",
    "ifx /a/\n/a/ x\nendif\n",
    "if /(/ x\n/a/ x\nendif\n/a/ y\n",
    "endifx\n/a/ x\n",
    "IF /a/\n/./ x\nEndIf\n",
    "if_a_\n/./ x\nendif\n",
    "if /a/\nif /b/\n/c/ x\n",
    "/a/i v\n/a/ii w\n/b/imx m\n",
    "/a/i\tv  w  \n",
    "/a/I v\n",
    "xaxi v\n",
    "\\a\\ v\n",
    "[a[ v\n(b( w\n",
    "#a# v\n",
    "/a/é v\néa/ v\n",
    "/a/_ v\n/a/1 v\n/a/-v\n",
    "/a\\/b/ v\n|a\\|b| w\n",
    "/a/\n/b/   \n",
    "/a/ v\n# c\n  w\n/b/ z\n",
    "  /a/ v\n/b/ w\n",
    "/(a)/ $0\n/(a)/ $10\n/(a)/ ${01}\n",
    "/(a)/ $1x $1$1 $1_\n/(a)/ $-1\n/(a)/ x$\n/(a)/ ${1\n/(a)/ $(1}\n",
    "/(a)/ ${1?x:y}\n/(a)/ $$1 $$$1 $$$$\n",
    "/(a)/ ${}\n/(a)/ ${ 1 }\n/(a)/ $((1))\n/(a)/ ${1{x}y} z\n",
    "/(a)/ $1é\n",
    "/()/ x$1\n/a/ y\n",
    "/^(a|ab)(c|bcd)?/ $1,$2\n",
    "/(a*)*/ <$1>\n",
    "/((a)|b)*/ <$1$2>\n",
    "/x(a)?(b)?/ <$1,$2>\n",
    "/^[[:alpha:][:digit:]]+$/ v\n/[[:foo:]]/ w\n/[a-/ x\n/[z-a]/ y\n",
    "/[[.hyphen.]]/ v\n/[[=a=]]/ w\n",
    "/a**/ v\n/*a/ v\n/b|*c/ v\n/+a/ v\n",
    "/a{1/ v\n/a{,2}b/ w\n/a{1,2}{3}/ x\n/a{2,1}/ y\n/a{99999}/ z\n/{1}a/ q\n",
    "/a||b/ v\n",
    "/a)/ v\n/\\/ v\n",
    "/a^b/ v\n/a$b/ v\n/(^a)/ w\n",
    "/(a)\\1/ v\n/\\1(a)/ w\n/(a)\\2/ x\n",
    "/\\d\\s\\w\\n\\t/ v\n/\\w-/ w\n/\\bab\\b/ z\n",
    "/a b/x v\n/a+/x w\n/\\(a\\)\\1/x <$1>\n",
    "/^.$/ one\n/^..$/ two\n",
    "/É/ v\n",
    "/a/ v\r\n/b/\r\n",
    "/a/ \x0b v\x0c\n",
    "/a\x00b/ v\n/c/ d\x00e\n",
    "",
)
PERL = (
    "/^b/A v\n/c$/E w\n/a(.+)/U <$1>\n/-/X x\n/\\y/X y\n",
    "/a/imsxAEUX v\n/b/q w\n",
    "/(?<n>a)b/ <$1>\n/(?i)X/i y\n",
    "/(?(1)a|b)/ v\n",
    "/(?=a)a/ v\n/(?<!a)b/ w\n",
    "/a\\Kb/ v\n/(*UTF)^.$/ w\n/(*ACCEPT)z/ z\n",
    "/\\N{U+61}/ v\n/\\Qa|b\\E/ w\n/^\\h+x/ z\n/\\x{41}/i u\n",
    "/(?#a)b/ v\n/a(?:b|c)+d?/ w\n/(a)(?1)b/ <$1>\n",
)
CIDR = (
    "10.0.0.0/8 a\n",
    "10.0.0.1/8 a\n10.0.0.0/8 b\n",
    "10.0.0.0/33 a\n10.0.0.0/x a\n10.0.0.0/ a\n10.0.0.0/+8 a\n10.0.0.0/8/8 a\n10.0.0.0/08 b\n",
    "0.0.0.0/0 a\n::/0 b\n",
    "name a\n10 a\n10.0.0 a\n010.0.0.1 a\n10.0.0.256 a\nname/8 a\nname/99 a\n10.0.0/99 b\n",
    "192.0.2.1\n192.0.2.1   \nname\n!10.0.0.0/8\n",
    "[2001:db8::]/32 a\n[10.0.0.0/8] b\n[192.0.2.1] c\n",
    "[10.0.0.0 a\n[10.0.0.0]8 a\n10.0.0.0]/8 a\n[]/8 a\n[] a\n[10.0.0.0/8]/8 a\n",
    "2001:db8::1/32 a\n2001:db8::/129 a\n2001:DB8::/32 b\n",
    "::ffff:10.0.0.0/104 a\n::ffff:192.0.2.1 b\n",
    "fe80::1%eth0 a\nfe80::/10 b\nIPv6:2001:db8::/32 c\n",
    "!10.0.0.0/8 a\n",
    "! !10.0.0.0/8 a\n! 192.0.2.0/24 b\n",
    "if 10.0.0.0/8\n10.1.0.0/16 a\nendif\n192.0.2.0/24 b\n",
    "if !10.0.0.0/8\n192.0.2.0/24 a\n::/0 c\nendif\n192.0.0.0/8 b\n",
    "if 10.0.0.0/8 x\n10.1.0.0/16 a\nendif y\n",
    "if 10.0.0.0/8\n10.1.0.0/16 a\nendif y\n",
    "if 10.0.0.0/8\n10.1.0.0/16 a\n",
    "endif\nif\n!\n! a\nIF10.0.0.0/8\nENDIF\n",
    "if!10.0.0.0/8\n192.0.2.1 a\nENDIF\n",
    "if 10.0.0.0/8\n 10.1.0.0/16 a\nendif\n",
    "if 10.0.0.0/8\nif 2001::/16\n::/0 a\nendif\n10.0.0.0/8 b\nendif\n",
    "10.0.0.0/8 $1 $$ x  y \n",
    "10.0.0.0 /8 b\n/a/ b\n. a\n",
    "192.0.2.1/32 a\n192.0.2.0/24 b\n::1/128 a\n",
)
ADDRESSES = (
    *("10.0.0.0", "10.0.0.1", "10.1.2.3", "[10.1.2.3]", "10.1.2", "192.0.2.1", "192.0.2.2", "x"),
    *("::1", "0:0:0:0:0:0:0:1", "2001:db8::1", "2001:DB8::1", "::ffff:10.1.2.3", "::ffff:c000:201"),
    *("fe80::1", "fe80::1%lo", "010.1.2.3", "0x0a.1.2.3", "8.8.8.8"),
)
NAMED = (
    "cidr:{{10.0.0.0/8 a}, {192.0.2.0/24 b}}",
    "cidr:{ {10.0.0.0/8 a} , {192.0.2.1/24 b} }",
    "cidr:{10.0.0.0/8 a}",
    "cidr:{}",
    "cidr:{{}}",
    "cidr:{{10.0.0.0/8 a}} x",
    "regexp:{{/(/ a}, {/x/ b}}",
    "pcre:{ { /^(.*)$/ <$1> } }",
    "pcre:{{#c}, {/x/ b}}",
    "pcre:{{/a/ b},{if /a/},{/x/ y},{endif},{/x{1,2}/ n}}",
    "pcre:{a}",
    "pcre:{{/a}/ b}}",
    "regexp:/no/such/file",
    "unionmap:{static:a,static:b}",
    "unionmap:{static:a,inline:{x=},static:c}",
    "unionmap:{inline:{x=1},inline:{y=2}}",
    "unionmap:{static:a",
    "unionmap:{}",
    "unionmap:static:a",
    "unionmap:{nocolon}",
    "unionmap:{static:{a b},static:{c,d}}",
    "pipemap:{static:a,inline:{a=b}}",
    "pipemap:{inline:{x=y},inline:{q=z}}",
    "pipemap:{inline:{x=y},regexp:{{/(.)/ <$1>}}}",
    "pipemap:{}",
    "pipemap:{inline:{x=},static:a}",
    "randmap:{a,a}",
    "randmap:{{a b},{a b}}",
    "randmap:{}",
    "randmap:a",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    main_cf = tmp_path / "main.cf"
    main_cf.write_text("compatibility_level = 3.6\n")
    # Postfix waits until a file has not been written to for two seconds.
    os.utime(main_cf, (1, 1))
    return tmp_path


def both(folder: Path, spec: str, keys: tuple[str, ...]) -> tuple[Answer, Answer]:
    arguments = ("-c", str(folder), "-q", "-", spec)
    stdin = "".join(f"{key}\n" for key in keys)
    theirs = postfix("postmap", *arguments, stdin=stdin)
    return ours(main, "postmap", *arguments, stdin=stdin), theirs


def written(folder: Path, kind: str, text: str) -> str:
    path = folder / "table"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return f"{kind}:{path}"


@pytest.mark.parametrize("text", PATTERNS)
@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_a_pattern_table_answers_and_warns_as_there(folder: Path, kind: str, text: str) -> None:
    mine, theirs = both(folder, written(folder, kind, text), KEYS)
    assert mine == theirs


@pytest.mark.parametrize("text", PERL)
def test_perl_s_own_syntax_is_understood_as_there(folder: Path, text: str) -> None:
    mine, theirs = both(folder, written(folder, "pcre", text), KEYS)
    assert mine == theirs


@pytest.mark.parametrize("text", CIDR)
def test_a_cidr_table_answers_and_warns_as_there(folder: Path, text: str) -> None:
    mine, theirs = both(folder, written(folder, "cidr", text), ADDRESSES)
    assert mine == theirs


@pytest.mark.parametrize("spec", NAMED)
@pytest.mark.parametrize("key", ["x", "10.1.2.3"])
def test_a_table_written_in_main_cf_answers_as_there(folder: Path, spec: str, key: str) -> None:
    arguments = ("-c", str(folder), "-q", key, spec)
    assert ours(main, "postmap", *arguments) == postfix("postmap", *arguments)


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_headers_of_several_lines_are_matched_as_there(folder: Path, kind: str) -> None:
    rules = "/^From:.*b$/ dot\n/a$/m line\n/^Sub(.*)$/ <$1>\n/^body/ body\n/e$/ end\n"
    spec = written(folder, kind, rules)
    message = "From: a\n b\nSubject: x\n y\nTo: a\n c\n\nbody\ntext e\n"
    for options in (["-h"], ["-b"], ["-h", "-b"]):
        arguments = ("-c", str(folder), *options, "-q", "-", spec)
        theirs = postfix("postmap", *arguments, stdin=message)
        assert ours(main, "postmap", *arguments, stdin=message) == theirs


ATOMS = st.sampled_from(
    [
        *("a", "b", "ab", ".", "^", "$", "[ab]", "[^a]", "(a)", "(a|ab)", "(b*)", "(a|b)*", "|"),
        *("a*", "b+", "a?", "(ab)?", "a{2}", "b{1,2}", "\\.", "[[:alpha:]]", "(^a)", "(b$)", "()"),
        *("\\1", "(", ")", "*", "[", "\\", "{"),
    ]
)
RULES = st.tuples(
    st.lists(ATOMS, min_size=1, max_size=6).map("".join),
    st.sampled_from(["", "i", "m", "x"]),
    st.sampled_from(["", "!"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=st.lists(RULES, min_size=20, max_size=40), kind=st.sampled_from(["regexp", "pcre"]))
def test_generated_patterns_match_as_there(
    folder: Path, rules: list[tuple[str, str, str]], kind: str
) -> None:
    keys = ("a", "b", "ab", "aab", "ABa", "bb", "abab", "a.b", "(", "x")
    lines = [
        f"{mark}/{pattern}/{flags} {number} {'' if mark else '<$1>' if '(' in pattern else ''}\n"
        for number, (pattern, flags, mark) in enumerate(rules)
    ]
    # Later rules are seen, too, if those before them are taken away.
    for start in (0, len(lines) // 2):
        mine, theirs = both(folder, written(folder, kind, "".join(lines[start:])), keys)
        assert mine == theirs


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "!", "if ", "if !", "endif"]),
            st.integers(0, 3),
            st.integers(0, 3),
            st.sampled_from([0, 8, 15, 16, 23, 32]),
        ),
        max_size=30,
    )
)
def test_generated_networks_match_as_there(
    folder: Path, rules: list[tuple[str, int, int, int]]
) -> None:
    text = ""
    for number, (mark, second, third, length) in enumerate(rules):
        network = ipaddress.ip_network((f"10.{second}.{third}.0", length), strict=False)
        rule = "" if mark == "endif" else f"{network}"
        text += f"{mark}{rule}{f' {number}' if mark in ('', '!') else ''}\n"
    keys = tuple(f"10.{second}.{third}.{last}" for second in range(4) for third in range(4)
                 for last in (0, 9))  # fmt: skip
    mine, theirs = both(folder, written(folder, "cidr", text), keys)
    assert mine == theirs
