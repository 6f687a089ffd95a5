"""Which tables Postfix refuses where values name files, commands or users, and so do we."""

from pathlib import Path

import pytest

from spoolmta.errors import ConfigError
from spoolmta.maps import open_map
from tests.support import postfix_oracle
from tests.support.mail_system import wait_for
from tests.support.postfix_oracle import PostfixOracle
from tests.support.rights import let_everybody_into

REFUSED = "map is not allowed for security"


def tables(folder: Path) -> dict[str, str]:
    (folder / "memcache.cf").write_text("memcache = inet:127.0.0.1:9\n")
    return {
        "tcp": "tcp:127.0.0.1:9",
        "socketmap": "socketmap:inet:127.0.0.1:9:name",
        "memcache": f"memcache:{folder}/memcache.cf",
        "union": "unionmap:{static:x/,tcp:127.0.0.1:9}",
        "pattern": "regexp:{{/(.*)/ box/}}",
        "static": "static:box/",
        "inline": "inline:{bob@inline.example=box/}",
    }


def is_refused(table: str) -> bool:
    try:
        open_map(table, sensitive=True)
    except ConfigError as error:
        return REFUSED in str(error)
    return False


@pytest.mark.root
def test_the_same_tables_are_refused(tmp_path: Path) -> None:
    assert postfix_oracle.is_installed()
    let_everybody_into(tmp_path)
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes").chmod(0o777)
    named = tables(tmp_path)
    services = "".join(
        f"{name} unix - n n - - virtual -o {{ virtual_mailbox_maps = {table} }}\n"
        for name, table in named.items()
    )
    routes = " ".join(f"{{{name}.example = {name}:}}" for name in named)
    settings = {
        "transport_maps": f"inline:{{ {routes} }}",
        "virtual_mailbox_base": str(tmp_path / "boxes"),
        "virtual_uid_maps": "static:1000",
        "virtual_gid_maps": "static:1000",
    }
    with PostfixOracle(tmp_path, settings, services) as oracle:
        people = [f"bob@{name}.example" for name in named]
        oracle.run("sendmail", "-f", "a@x.example", *people, stdin=b"Subject: hi\n\nhello\n")
        wait_for(lambda: oracle.log().count(" status=") == len(named), 30, "an answer for each")
        log = oracle.log()
    theirs = {
        name
        for name in named
        for line in log.splitlines()
        if f"to=<bob@{name}.example>" in line and "(mail system configuration error)" in line
    }
    assert log.count(f": error: {named['tcp']} {REFUSED}") == 2
    assert theirs == {name for name, table in named.items() if is_refused(table)}
