import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import ConfigError
from spoolmta.maps import open_map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.query import TableQuery, Template, split_key


def _double(text: str, inside: str) -> str:
    return text.replace(inside[-1], inside[-1] * 2) if inside else text


def test_quoting_is_told_what_the_expansion_stands_in() -> None:
    template = Template("a'%s' \"%u\" `%d` %s E'%1' LIKE'%2'")
    assert template.inside == {"'", '"', "`", "", "E'"}


def test_doubled_quote_does_not_end_the_text() -> None:
    assert Template("'it''s %s'").inside == {"'"}
    assert Template("'it' 's' %s").inside == {""}


@given(st.text())
def test_template_is_understood_or_refused(text: str) -> None:
    try:
        Template(text).expand(split_key("u@d.e"), split_key("u@d.e"), _double)
    except (ValueError, IndexError):
        assert "%" in text


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_no_key_leaves_the_quotes(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    cf = tmp_path_factory.getbasetemp() / "echo.cf"
    cf.write_text(f"dbpath = {_empty(cf.parent)}\nquery = SELECT '%s'\n")
    found = asyncio.run(open_map(f"sqlite:{cf}").lookup(key))
    assert found == (key.lower() if key.isascii() else key.casefold())


def _empty(folder: Path) -> Path:
    path = folder / "empty.db"
    path.touch()
    return path


@pytest.mark.parametrize("query", ["SELECT %s", "SELECT '' || %u", "SELECT 'a' %d 'b'"])
def test_expansion_outside_of_quotes_is_refused(tmp_path: Path, query: str) -> None:
    cf = tmp_path / "t.cf"
    cf.write_text(f"dbpath = /nowhere\nquery = {query}\n")
    with pytest.raises(ConfigError, match=r"t\.cf, line 2: unquoted expansion"):
        open_map(f"sqlite:{cf}")


@given(st.text())
def test_client_file_is_understood_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    cf = tmp_path_factory.getbasetemp() / "any.cf"
    cf.write_bytes(text.encode("utf-8", "surrogatepass"))
    for kind in ("sqlite", "mysql", "pgsql", "ldap", "memcache"):
        with contextlib.suppress(ConfigError):
            open_map(f"{kind}:{cf}")


def test_key_without_a_part_that_the_result_wants_is_not_asked_for(tmp_path: Path) -> None:
    cf = tmp_path / "t.cf"
    cf.write_text("result_format = %D\n")
    query = TableQuery(ClientParameters("sqlite", str(cf)), {"query": "'%s'"}, "%D", open_map)
    assert asyncio.run(query.accept("user")) is None
    assert asyncio.run(query.accept("user@example.com")) is not None
