from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.database_clients import Client, doubts, find


def test_clients_are_found_behind_proxy_and_within_braces() -> None:
    value = "hash:/x, proxy:mysql:/q.cf { check_client_access ldap:a, x=y } unionmap:{pgsql:b}"
    assert find(value).clients == [
        Client("mysql", "/q.cf"), Client("ldap", "a"), Client("pgsql", "b"),
    ]  # fmt: skip


def test_what_only_looks_like_a_client_is_none() -> None:
    assert find("xldap:q !ldap:q debug:ldap:q a=ldap:q ldap LDAP:q").clients == []


def test_a_setting_that_the_client_does_not_know_is_told(tmp_path: Path) -> None:
    file = tmp_path / "users.cf"
    file.write_text("hosts = x\nquery = SELECT 1\nhost = x\nuser = $nobody\nuser = y\n")
    assert list(doubts(Client("mysql", str(file)))) == [
        f"mysql:{file}, line 5: overriding earlier entry: user=$nobody",
        f"mysql:{file}: unused parameter: host=x",
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert list(doubts(Client("ldap", f"{tmp_path}/x.cf"))) == [
        f'open "ldap" configuration "{tmp_path}/x.cf": No such file or directory'
    ]


@given(st.text(alphabet="ldap:proxy{}, \t/a", max_size=40))
def test_any_value_is_searched(value: str) -> None:
    assert all(client.kind == "ldap" for client in find(value).clients)


def test_braces_that_do_not_match_are_told_and_what_they_hold_is_searched() -> None:
    found = find("inline:{ldap:a, { b } {c}d unionmap:{ldap:e")
    assert found.clients == [Client("ldap", "a"), Client("ldap", "e")]
    assert found.faults == [
        "missing '}' in \"{ldap:a, { b } {c}d unionmap:{ldap:e\"",
        "syntax error after '}' in \"{c}d\"",
        "missing '}' in \"{ldap:e\"",
    ]


def test_braces_within_braces_may_be_many() -> None:
    assert len(find("{" * 90 + "ldap:q" + "}" * 90).clients) == 1
    assert not find("{" * 20_000 + "ldap:q" + "}" * 20_000).clients
