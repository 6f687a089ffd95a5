"""The servers of tables, each started once for all tests that ask it; left out if not installed."""

import asyncio
import inspect
from collections.abc import Iterator

import pytest

from tests.servers import database_server
from tests.servers.database_server import Server

SQL = (
    "CREATE TABLE alias (address VARCHAR(200), goto VARCHAR(200))",
    (
        "INSERT INTO alias VALUES ('a@example.com', 'x@y.org'), ('a@example.com', 'z@w.org'),"
        " ('one@example.com', 'only@y.org'), ('local', 'bare'), ('none@example.com', ''),"
        " ('nothing@example.com', NULL), ('o''hara@example.com', 'quoted@y.org'),"
        " ('b\u00fccher@example.com', 'b\u00e4r@y.org'), ('@example.com', 'catch@all.org'),"
        " ('at@example.com', '@y.org'), ('part@example.com', 'unqualified')"
    ),
)
SQL_ODD = "INSERT INTO alias VALUES ('back{0}slash@example.com', 'back@y.org')"

LDIF = """\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: cn=a,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: a
sn: a
mail: a@example.com
description: x@y.org
description: z@w.org

dn: cn=star,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: star
sn: star (*) \\\\
mail: st*r@example.com
description: star@y.org

dn: cn=group,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: group
sn: group
mail: group@example.com
seeAlso: cn=a,ou=people,dc=example,dc=com
seeAlso: cn=star,ou=people,dc=example,dc=com

dn: cn=url,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: url
sn: url
mail: url@example.com
labeledURI: ldap:///ou=people,dc=example,dc=com?description?one?(cn=star)

dn: cn=loop,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: loop
sn: loop
mail: loop@example.com
seeAlso: cn=loop,ou=people,dc=example,dc=com

dn: cn=terminal,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: terminal
sn: terminal
mail: terminal@example.com
title: host@y.org
description: ignored@y.org
seeAlso: cn=a,ou=people,dc=example,dc=com
"""

_NEEDED = {
    "mariadb_server": (database_server.MARIADB, "MariaDB"),
    "postgres_server": (database_server.POSTGRES, "PostgreSQL"),
    "ldap_server": (database_server.SLAPD, "OpenLDAP"),
    "memcached_server": (database_server.MEMCACHED, "memcached"),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, by name, the tests of servers that are not installed."""
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & set(_NEEDED):
            path, name = _NEEDED[fixture]
            item.add_marker(
                pytest.mark.skipif(
                    path is None, reason=f"{name} is not installed (tools/install-peers)"
                )
            )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    odd = SQL_ODD.format("\\\\")
    procedures = (
        "CREATE PROCEDURE find(IN k VARCHAR(200)) SELECT goto FROM alias WHERE address = k",
        "CREATE PROCEDURE nothing(IN k VARCHAR(200)) SET @found = k",
        "CREATE PROCEDURE twice(IN k VARCHAR(200)) BEGIN SELECT k; SELECT k; END",
    )
    with database_server.mariadb((*SQL, odd, *procedures)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    function = (
        "CREATE FUNCTION find(TEXT) RETURNS TEXT AS"
        " 'SELECT goto FROM alias WHERE address = $1' LANGUAGE SQL"
    )
    with database_server.postgres((*SQL, SQL_ODD.format("\\"), function)) as server:
        yield server


@pytest.fixture(scope="session")
def ldap_server() -> Iterator[Server]:
    with database_server.openldap(LDIF) as server:
        yield server


@pytest.fixture(scope="session")
def memcached_server() -> Iterator[Server]:
    with database_server.memcached() as server:
        yield server
