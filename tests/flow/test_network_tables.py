"""Tables behind a socket or a database, asked by the services that take and route mail."""

import sqlite3
import time
from pathlib import Path

import pytest

from spoolmta.maps.servers.server_pool import SESSIONS
from spoolmta.spool.state import State
from tests.dialogs.smtpd import Client, Smtpd
from tests.flow.conftest import MakeMta
from tests.support.lookup_server import CLOSE, Answer, Questions, ScriptedLookups, netstring
from tests.support.mail_system import wait_for

SILENT: Answer = [3600.0]
ONE, NONE = netstring(b"OK 1"), netstring(b"NOTFOUND ")
ACCESS = "smtpd_recipient_restrictions"
UNDECIDED = {
    ACCESS: "451 4.3.5 <bob@relay.test>: Recipient address rejected: Server configuration error",
    "relay_recipient_maps": "451 4.3.0 <bob@relay.test>: Temporary lookup failure",
    "virtual_alias_maps": "451 4.3.0 <bob@relay.test>: Temporary lookup failure",
    "transport_maps": "451 4.3.0 <bob@relay.test>: Temporary lookup failure",
}


def rcpt(client: Client, address: str) -> str | None:
    """Begin a mail and return the reply to its only recipient."""
    client.ask("EHLO client.example")
    client.ask("MAIL FROM:<a@b.test>")
    return client.ask(f"RCPT TO:<{address}>")


def where_nobody_listens() -> str:
    with ScriptedLookups(b"") as server:
        return server.tcp


def named(parameter: str, table: str) -> dict[str, str]:
    return {parameter: f"check_recipient_access {table}" if parameter == ACCESS else table}


def test_an_access_table_behind_tcp_decides_on_each_recipient(tmp_path: Path) -> None:
    with (
        ScriptedLookups(b"200 REJECT not%20him\n", b"200 OK\n") as server,
        Smtpd(tmp_path, named(ACCESS, server.tcp)) as smtpd,
        smtpd.connect() as client,
    ):
        assert rcpt(client, "bob") == "554 5.7.1 <bob>: Recipient address rejected: not him"
        assert rcpt(client, "bob") == "250 2.1.5 Ok"
    assert server.questions == [b"get bob@mx.example.test\n"] * 2


def test_the_recipients_of_a_relay_domain_are_those_that_a_socketmap_has(tmp_path: Path) -> None:
    with (
        ScriptedLookups(ONE, NONE) as server,
        Smtpd(tmp_path, named("relay_recipient_maps", server.socketmap)) as smtpd,
        smtpd.connect() as client,
    ):
        assert rcpt(client, "ann@relay.test") == "250 2.1.5 Ok"
        assert rcpt(client, "bob@relay.test") == (
            "550 5.1.1 <bob@relay.test>: Recipient address rejected:"
            " User unknown in relay recipient table"
        )
    assert server.questions[0] == netstring(b"name ann@relay.test")


def test_an_alias_behind_a_socketmap_gets_the_message_to_where_it_points(tmp_path: Path) -> None:
    with (
        ScriptedLookups(netstring(b"OK bob@inbox.test")) as server,
        Smtpd(tmp_path, named("virtual_alias_maps", server.socketmap)) as smtpd,
        smtpd.connect() as client,
    ):
        assert rcpt(client, "ann@alias.test") == "250 2.1.5 Ok"
        client.ask("DATA")
        assert "queued as" in (client.ask("Subject: hi\r\n\r\nhello\r\n.") or "")
        assert smtpd.rows("SELECT address FROM recipient") == [("bob@inbox.test",)]


def test_the_recipients_of_a_relay_domain_are_those_of_a_database(tmp_path: Path) -> None:
    users = sqlite3.connect(tmp_path / "users", isolation_level=None)
    users.executescript("CREATE TABLE user (name); INSERT INTO user VALUES ('ann@relay.test')")
    query = f"dbpath = {tmp_path}/users\nquery = SELECT name FROM user WHERE name = '%s'\n"
    (tmp_path / "users.cf").write_text(query)
    with (
        Smtpd(tmp_path, {"relay_recipient_maps": f"sqlite:{tmp_path}/users.cf"}) as smtpd,
        smtpd.connect() as client,
    ):
        assert rcpt(client, "ann@relay.test") == "250 2.1.5 Ok"
        assert (rcpt(client, "bob@relay.test") or "").startswith("550 5.1.1 ")
        users.execute("DROP TABLE user")
        assert rcpt(client, "ann@relay.test") == (
            "451 4.3.0 <ann@relay.test>: Temporary lookup failure"
        )
    users.close()


@pytest.mark.parametrize("parameter", UNDECIDED)
def test_a_table_whose_server_is_down_decides_on_nobody(tmp_path: Path, parameter: str) -> None:
    table = where_nobody_listens()
    with Smtpd(tmp_path, named(parameter, table)) as smtpd, smtpd.connect() as client:
        assert rcpt(client, "bob@relay.test") == UNDECIDED[parameter]
        assert client.ask("NOOP") == "250 2.0.0 Ok"
    assert f"warning: table {table} lookup error: Connection refused" in smtpd.log()


def test_a_session_that_waits_for_a_silent_server_holds_up_no_other(tmp_path: Path) -> None:
    with (
        ScriptedLookups(SILENT, [CLOSE]) as server,
        Smtpd(tmp_path, named("relay_recipient_maps", server.tcp)) as smtpd,
        smtpd.connect() as waiting,
        smtpd.connect() as other,
    ):
        waiting.ask("EHLO client.example")
        waiting.ask("MAIL FROM:<a@b.test>")
        waiting.send(b"RCPT TO:<bob@relay.test>\r\n")
        wait_for(lambda: server.questions, 20, "a question")
        assert rcpt(other, "alice@inbox.test") == "250 2.1.5 Ok"
        server.hang_up()
        assert waiting.reply() == UNDECIDED["relay_recipient_maps"]


def test_a_slow_server_is_asked_for_all_messages_side_by_side(make_mta: MakeMta) -> None:
    slow: Answer = [Questions(8), b"200 discard:\n"]
    with ScriptedLookups(slow) as server:
        mta = make_mta(transport_maps=server.tcp)
        for _ in range(8):
            mta.submit("a@x.example", ["b@y.example"])
        mta.run_until_idle()
        assert mta.states() == {}
        assert (len(server.questions), server.connections) == (8, 8)


def test_a_slow_server_is_asked_for_all_local_mail_side_by_side(make_mta: MakeMta) -> None:
    slow: Answer = [Questions(8), b"500 none\n"]
    with ScriptedLookups(slow) as server:
        mta = make_mta(
            canonical_maps=server.tcp,
            canonical_classes="envelope_recipient",
            transport_maps="inline:{y.example=discard:}",
        )
        for number in range(8):
            mta.submit("", [f"b{number}@y.example"], state=State.MAILDROP)
        mta.run_until_idle()
        assert mta.states() == {}
        assert (len(server.questions), server.connections) == (8, 8)


def test_a_silent_server_holds_up_local_mail_once_and_loses_none(
    make_mta: MakeMta, tmp_path: Path
) -> None:
    with ScriptedLookups(*[SILENT] * SESSIONS, b"END\r\n") as server:
        mta = make_mta(
            canonical_maps=silent_for_a_second(server, tmp_path),
            transport_maps="inline:{y.example=discard:}",
        )
        for number in range(40):
            mta.submit("", [f"b{number}@y.example"], state=State.MAILDROP)
        started = time.monotonic()
        mta.run(mta.step_stages())
        assert time.monotonic() - started < 8
        time.sleep(1.1)
        mta.clock.jump(60)
        mta.run_until_idle()
    assert mta.states() == {}
    assert mta.log().count("no server is left to ask") == 40 - SESSIONS
    assert mta.log().count("status=sent") == 40


def test_a_message_with_very_many_recipients_waits_once_for_a_silent_server(
    make_mta: MakeMta, tmp_path: Path
) -> None:
    with ScriptedLookups(SILENT) as server:
        mta = make_mta(transport_maps=silent_for_a_second(server, tmp_path))
        mta.submit("a@x.example", [f"b{number}@y.example" for number in range(350)])
        started = time.monotonic()
        mta.run_until_idle()
        assert time.monotonic() - started < 8
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT DISTINCT dsn FROM outcome") == [("4.3.0",)]


def silent_for_a_second(server: ScriptedLookups, folder: Path) -> str:
    """Return a table of *server* that waits no longer for an answer."""
    (folder / "cache.cf").write_text(f"memcache = inet:127.0.0.1:{server.port}\ntimeout = 1\n")
    return f"memcache:{folder}/cache.cf"


def test_mail_waits_for_a_transport_table_that_is_down_and_is_not_returned(
    make_mta: MakeMta,
) -> None:
    mta = make_mta(transport_maps=where_nobody_listens())
    mta.submit("a@x.example", ["b@y.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT dsn, reason FROM outcome") == [("4.3.0", "address resolver failure")]
    with ScriptedLookups(b"200 discard:\n") as server:
        mta.restart(transport_maps=server.tcp)
        mta.clock.jump(300)
        mta.run_until_idle()
    assert mta.states() == {}
    assert "status=sent" in mta.log()
    assert "status=bounced" not in mta.log()


def test_a_failed_lookup_of_one_recipient_does_not_keep_another(make_mta: MakeMta) -> None:
    with ScriptedLookups(b"200 discard:\n", b"400 later\n", b"200 discard:\n") as server:
        mta = make_mta(transport_maps=server.tcp)
        mta.submit("a@x.example", ["b@y.example", "c@y.example", "d@y.example"])
        mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.log().count("status=sent") == 2
    assert mta.log().count("status=deferred") == 1


def test_mail_for_a_mailbox_waits_for_a_database_that_gives_no_answer(
    make_mta: MakeMta, tmp_path: Path
) -> None:
    boxes = sqlite3.connect(tmp_path / "boxes", isolation_level=None)
    query = f"dbpath = {tmp_path}/boxes\nquery = SELECT path FROM box WHERE address = '%s'\n"
    (tmp_path / "boxes.cf").write_text(query)
    mta = make_mta(virtual_mailbox_maps=f"sqlite:{tmp_path}/boxes.cf")
    mta.submit("a@x.example", ["alice@inbox.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT dsn, reason FROM outcome") == [("4.3.0", "mailbox table lookup error")]
    boxes.executescript(
        "CREATE TABLE box (address, path);"
        "INSERT INTO box VALUES ('alice@inbox.example', 'inbox.example/alice/')"
    )
    boxes.close()
    mta.clock.jump(300)
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "alice")) == 1
