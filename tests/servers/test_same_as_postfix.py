"""The same key asked of the same database by Postfix's client and by ours."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_map
from tests.servers.conftest import SQL, SQL_ODD
from tests.servers.database_server import Server
from tests.support.oracle import needs_postfix, postfix

ERROR = "error"
ALIAS = "query = SELECT goto FROM alias WHERE address = '%s' ORDER BY goto"
LEGACY = "select_field = goto\ntable = alias\nwhere_field = address"

# (what a .cf says beside the server, key)
SQL_CASES = [
    (ALIAS, "one@example.com"),
    (ALIAS, "ONE@Example.COM"),
    (ALIAS, "a@example.com"),
    (ALIAS, "local"),
    (ALIAS, "missing@example.com"),
    (ALIAS, "none@example.com"),
    (ALIAS, "nothing@example.com"),
    (ALIAS, "o'hara@example.com"),
    (ALIAS, "back\\slash@example.com"),
    (ALIAS, "' OR '1'='1"),
    (ALIAS, "\\' OR 1=1 -- "),
    (ALIAS, "%s"),
    (ALIAS, '"quoted local"@example.com'),
    (ALIAS, "bücher@example.com"),
    (ALIAS, "@example.com"),
    (ALIAS, "x" * 500),
    ("query = SELECT '%u|%d|%s'", "user@mail.example.com"),
    ("query = SELECT '%U|%D|%S'", "user@mail.example.com"),
    ("query = SELECT '%1.%2.%3'", "user@mail.example.com"),
    ("query = SELECT '%1.%2.%3'", "user@example.com"),
    ("query = SELECT '%1-%2'", "user@a..b"),
    ("query = SELECT '%1'", "user"),
    ("query = SELECT '%u'", "user"),
    ("query = SELECT '%u'", "@example.com"),
    ("query = SELECT '%u'", "user@"),
    ("query = SELECT '%u|%d'", "a@b@example.com"),
    ("query = SELECT '%d'", "user"),
    ("query = SELECT '%d'", "user@"),
    ("query = SELECT '%d'", "@example.com"),
    ("query = SELECT '100%%%u'", "user"),
    ("query = SELECT '$%s$'", "user"),
    ("query = SELECT '%x'", "user"),
    ("query = SELECT '%'", "user"),
    (ALIAS + "\nresult_format = smtp:[%s]", "a@example.com"),
    (ALIAS + "\nresult_format = %u at %d", "a@example.com"),
    (ALIAS + "\nresult_format = %u", "at@example.com"),
    (ALIAS + "\nresult_format = %d", "part@example.com"),
    (ALIAS + "\nresult_format = %u", "part@example.com"),
    (ALIAS + "\nresult_format = %S=%U=%D=%2=%s", "one@example.com"),
    (ALIAS + "\nresult_format = %D %s", "local"),
    (ALIAS + "\nresult_format = %3 %s", "one@example.com"),
    (ALIAS + "\nresult_format = fixed 100%%", "a@example.com"),
    (ALIAS + "\nresult_format = %z", "a@example.com"),
    (ALIAS + "\nresult_format =", "a@example.com"),
    (ALIAS + "\nexpansion_limit = 1", "a@example.com"),
    (ALIAS + "\nexpansion_limit = 1", "one@example.com"),
    (ALIAS + "\nexpansion_limit = 2", "a@example.com"),
    (ALIAS + "\nexpansion_limit = many", "a@example.com"),
    (ALIAS + "\ndomain = example.com", "one@example.com"),
    (ALIAS + "\ndomain = EXAMPLE.com, other.org", "one@example.com"),
    (ALIAS + "\ndomain = other.org", "one@example.com"),
    (ALIAS + "\ndomain = .com", "one@example.com"),
    (ALIAS + "\ndomain = !example.com, static:all", "one@example.com"),
    (ALIAS + "\ndomain = example.com", "local"),
    (ALIAS + "\ndomain = example.com", "@example.com"),
    (ALIAS + "\ndomain = fail:broken", "one@example.com"),
    (LEGACY, "one@example.com"),
    (
        f"{LEGACY}\nadditional_conditions = LIMIT 0",
        "a@example.com",
    ),
    ("table = alias\nwhere_field = address", "one@example.com"),
    ("query =\n  SELECT goto\n# comment\n  FROM alias WHERE address = '%s'", "one@example.com"),
    ("query = SELECT nonsense FROM nowhere", "one@example.com"),
    ("", "one@example.com"),
]
COLUMNS = ("query = SELECT address, goto FROM alias WHERE address = '%s'", "one@example.com")
LDAP = "query_filter = (mail=%s)\nresult_attribute = description"
GROUP = LDAP + "\nspecial_result_attribute = seeAlso"
LDAP_CASES = [
    (LDAP, "a@example.com"),
    (LDAP, "A@EXAMPLE.com"),
    (LDAP, "missing@example.com"),
    (LDAP, "*"),
    (LDAP, "st*r@example.com"),
    (LDAP, "a@example.com)(cn=*"),
    (LDAP, "\\2a"),
    (LDAP, "ü@example.com"),
    (LDAP + "\nexpansion_limit = 1", "a@example.com"),
    (LDAP + "\nsize_limit = 1\nquery_filter = (cn=*)", "a@example.com"),
    (LDAP + "\nresult_format = [%u]%d", "a@example.com"),
    (LDAP + "\nresult_filter = <%s>", "a@example.com"),
    (LDAP + "\ndomain = other.org", "a@example.com"),
    (LDAP + "\nscope = base", "a@example.com"),
    (LDAP + "\nscope = one", "a@example.com"),
    (LDAP + "\nscope = two", "a@example.com"),
    (LDAP + "\nbind = no", "a@example.com"),
    (LDAP + "\nbind_dn = cn=admin,dc=example,dc=com\nbind_pw = secret", "a@example.com"),
    (LDAP + "\nbind_dn = cn=admin,dc=example,dc=com\nbind_pw = wrong", "a@example.com"),
    (LDAP + "\nsearch_base = dc=missing,dc=com", "a@example.com"),
    (LDAP + "\nsearch_base = cn=%u,ou=people,dc=%2,dc=%1", "a@example.com"),
    (LDAP + "\nsearch_base = cn=%u,ou=people,dc=%2,dc=%1", "a,b@example.com"),
    (LDAP + "\nsearch_base = cn=%u,ou=people,dc=%2,dc=%1", "a"),
    ("query_filter = mail=%s\nresult_attribute = cn sn", "a@example.com"),
    ("query_filter = ((\nresult_attribute = cn", "a@example.com"),
    (GROUP, "group@example.com"),
    (GROUP, "loop@example.com"),
    (GROUP + "\nrecursion_limit = 1", "group@example.com"),
    (GROUP + "\nrecursion_limit = 2", "group@example.com"),
    (LDAP + "\nspecial_result_attribute = labeledURI", "url@example.com"),
    (GROUP + "\nterminal_result_attribute = title", "terminal@example.com"),
    (GROUP + "\nleaf_result_attribute = mail", "group@example.com"),
    (GROUP + "\nleaf_result_attribute = mail", "a@example.com"),
]
MEMCACHE_CASES = [
    ("", "known"),
    ("", "KNOWN"),
    ("", "missing"),
    ("", "with blank"),
    ("key_format = %u", "known@example.com"),
    ("key_format = pre:%s", "known"),
    ("key_format = %d", "known"),
    ("key_format = %x", "known"),
    ("domain = example.org", "known@example.com"),
    ("data_size_limit = 3", "known"),
    ("backup = inline:{ behind=it }", "behind"),
    ("backup = fail:x", "missing"),
]


def _postfix(folder: Path, spec: str, key: str) -> str | None:
    answer = postfix("postmap", "-c", str(folder), "-q", key, spec)
    if answer.status == 0:
        return answer.out.removesuffix("\n")
    return ERROR if "fatal:" in answer.err else None


async def _ours(questions: list[tuple[str, str]]) -> list[str | None]:
    answers: list[str | None] = []
    for spec, key in questions:
        try:
            answers.append(await open_map(spec).lookup(key))
        except (ConfigError, MapUnavailable):
            answers.append(ERROR)
    return answers


def _compare(folder: Path, kind: str, client: str, cases: Sequence[tuple[str, str]]) -> None:
    """Ask both all *cases*; Postfix's program waits a second before it tells of an error."""
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    questions = []
    for number, (text, key) in enumerate(cases):
        cf = folder / f"{number}.cf"
        cf.write_text(f"{client}\n{text}\n")
        questions.append((f"{kind}:{cf}", key))
    with ThreadPoolExecutor(16) as threads:
        theirs = list(threads.map(lambda asked: _postfix(folder, *asked), questions))
    assert dict(zip(cases, asyncio.run(_ours(questions)), strict=True)) == dict(
        zip(cases, theirs, strict=True)
    )


@needs_postfix
def test_sqlite_answers_as_in_postfix(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    with apsw.Connection(str(path)) as connection:
        for statement in (*SQL, SQL_ODD.format("\\")):
            connection.execute(statement)
    two_statements = ("query = SELECT 'first'; SELECT 'second'", "one@example.com")
    _compare(tmp_path, "sqlite", f"dbpath = {path}", [*SQL_CASES, COLUMNS, two_statements])


@needs_postfix
def test_mysql_answers_as_in_postfix(tmp_path: Path, mariadb_server: Server) -> None:
    client = f"hosts = unix:{mariadb_server.folder}/socket\nuser = root\ndbname = mail"
    procedures = [
        ("query = CALL find('%s')", "one@example.com"),
        ("query = CALL nothing('%s')", "one@example.com"),
        ("query = CALL nothing('%s')\nrequire_result_set = no", "one@example.com"),
        ("query = CALL twice('%s')", "one@example.com"),
        ('query = SELECT goto FROM alias WHERE address = "%s"', "o'hara@example.com"),
        ('query = SELECT goto FROM alias WHERE address = "%s"', '" OR "1"="1'),
    ]
    cases = [*SQL_CASES, COLUMNS, *procedures]
    _compare(tmp_path, "mysql", f"{client}\noption_group =", cases)


@needs_postfix
def test_pgsql_answers_as_in_postfix(tmp_path: Path, postgres_server: Server) -> None:
    client = f"hosts = unix:{postgres_server.folder}\nuser = mail\ndbname = postgres"
    own = [
        ("select_function = find", "one@example.com"),
        ("query = UPDATE alias SET goto = goto WHERE address = '%s'", "one@example.com"),
    ]
    # Before version 3.8 Postfix told the server that its keys are LATIN1.
    cases = [case for case in SQL_CASES if case[1].isascii()]
    _compare(tmp_path, "pgsql", client, [*cases, COLUMNS, *own])


@needs_postfix
def test_ldap_answers_as_in_postfix(tmp_path: Path, ldap_server: Server) -> None:
    path = str(ldap_server.folder / "ldapi").replace("/", "%2F")
    client = f"server_host = ldapi://{path}\nversion = 3\nsearch_base = dc=example,dc=com"
    _compare(tmp_path, "ldap", client, LDAP_CASES)


@needs_postfix
def test_memcache_answers_as_in_postfix(tmp_path: Path, memcached_server: Server) -> None:
    path = memcached_server.folder / "socket"
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as replies:
        connection.connect(str(path))
        for key, value in ((b"known", b"value"), (b"pre:known", b"pre")):
            connection.sendall(b"set %b 0 0 %d\r\n%b\r\n" % (key, len(value), value))
            replies.readline()
    _compare(tmp_path, "memcache", f"memcache = unix:{path}", MEMCACHE_CASES)
