import asyncio
import os
import pwd

import pytest

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_map, open_maps
from spoolmta.maps.proxy import approve
from spoolmta.maps.registry import map_types
from spoolmta.maps.syntax import inside_braces, split_name_value, split_words


def ask(spec: str, key: str) -> str | None:
    return asyncio.run(open_map(spec).lookup(key))


@pytest.mark.parametrize(
    ("spec", "key", "value"),
    [
        ("inline:{a=b}", "A", "b"),
        ("inline:{{a = b c}, d=e}", "a", "b c"),
        ("inline:{{a = b c}, d=e}", "d", "e"),
        ("inline:{ {a={ b c }} }", "a", "{ b c }"),
        ("inline:{{<> = REJECT}}", "<>", "REJECT"),
        ("inline:{a=b}", "x", None),
        ("static:yes", "anything", "yes"),
        ("static:{ b c }", "anything", "b c"),
        ("unionmap:{inline:{a=1},static:2}", "a", "1,2"),
        ("unionmap:{inline:{a=1}, inline:{b=2}}", "c", None),
        ("pipemap:{inline:{a=b},inline:{b=c}}", "a", "c"),
        ("pipemap:{inline:{a=b},inline:{b=c}}", "b", None),
        ("proxy:inline:{a=b}", "a", "b"),
        ("randmap:{one}", "a", "one"),
        ("pcre:{{/^a(.)/ x$1}}", "ab", "xb"),
    ],
)
def test_a_table_of_each_type_answers(spec: str, key: str, value: str | None) -> None:
    assert ask(spec, key) == value


def test_randmap_takes_one_of_its_values() -> None:
    assert {ask("randmap:{1,2}", "") for _ in range(200)} == {"1", "2"}


def test_unix_tables_answer_in_the_form_of_the_file() -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    entry = ask("unix:passwd.byname", name)
    assert entry is not None
    assert entry.split(":")[2] == str(os.getuid())
    assert ask("unix:passwd.byname", "no-such-user") is None
    assert ask("unix:passwd.byname", "a\0b") is None
    assert (ask("unix:group.byname", "root") or "").startswith("root:")


def test_environ_is_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("key", "value")
    assert ask("environ:x", "KEY") == "value"


def test_fail_never_answers() -> None:
    with pytest.raises(MapUnavailable):
        ask("fail:x", "a")
    with pytest.raises(MapUnavailable):
        ask("unionmap:{static:a,fail:x}", "a")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("hash", 'expecting "type:name" form instead of "hash"'),
        ("hash:", 'expecting "type:name" form instead of "hash:"'),
        ("nosuch:file", "unsupported dictionary type: nosuch .supported are btree"),
        ("inline:a=b", "bad syntax"),
        ("inline:{ }", "empty table"),
        ("inline:{a}", "missing '='"),
        ("inline:{{a=b}", "bad syntax"),
        ("unix:shadow", "passwd.byname"),
        ("texthash:/no/such", "open database /no/such: No such file"),
        ("hash:/no/such", "open database /no/such.db: No such file"),
        ("static:{a", "missing '}'"),
    ],
)
def test_a_table_that_cannot_be_opened_is_told(spec: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        open_map(spec)


def test_a_list_of_tables_may_hold_braces() -> None:
    maps = open_maps("inline:{{a = b c}} , static:{x y}\n proxy:inline:{q=r}")
    assert [table.name for table in maps.maps] == [
        "inline:{{a = b c}}",
        "static:{x y}",
        "proxy:inline:{q=r}",
    ]


def test_types_are_listed() -> None:
    assert {"hash", "regexp", "proxy", "inline"} <= set(map_types())


def test_words_are_split_outside_of_braces() -> None:
    assert split_words(" a, {b, c} d\te{f g}h\n") == ["a", "{b, c}", "d", "e{f g}h"]
    assert inside_braces("{ a b }") == "a b"
    assert split_name_value("a = b=c ") == ("a", "b=c")


@pytest.mark.parametrize(
    "spec",
    ["tcp:127.0.0.1:9", "unionmap:{static:x, tcp:127.0.0.1:9}", "proxy:debug:tcp:127.0.0.1:9"],
)
def test_a_server_that_anybody_may_be_names_no_files_commands_or_users(spec: str) -> None:
    open_map(spec)
    with pytest.raises(ConfigError, match=r"^tcp:127\.0\.0\.1:9 map is not allowed for security"):
        open_map(spec, sensitive=True)


@pytest.mark.parametrize("kind", ["regexp", "pcre", "proxy:pcre"])
def test_the_value_of_a_sensitive_table_takes_no_text_from_the_key(kind: str) -> None:
    spec = f"{kind}:{{{{/^(.*)x$/ /boxes/$1}}, {{/y/ fixed}}}}"
    table = open_map(spec, sensitive=True)
    assert asyncio.run(table.lookup("ax")) is None
    assert asyncio.run(table.lookup("xy")) == "fixed"
    assert asyncio.run(open_map(spec).lookup("ax")) == "/boxes/a"


def test_a_sensitive_table_is_opened_without_the_approval_that_proxy_needs() -> None:
    approve(str)
    try:
        table = open_maps("proxy:inline:{a=b}", sensitive=True)
        assert asyncio.run(table.lookup("a")) == "b"
        with pytest.raises(ConfigError, match="proxymap service is not configured"):
            open_maps("proxy:inline:{a=b}")
    finally:
        approve(None)
