"""What a running service makes of "proxy:" and "debug:"."""

import smtplib
import socket
from pathlib import Path

from tests.support.mail_system import MailSystem, free_port, wait_for

LISTED = "proxy:inline:{{bob@inbox.example=450 not today}}"
SERVICES = """\
127.0.0.1:{approved} inet n - n - - smtpd
  -o {{ smtpd_recipient_restrictions = check_recipient_access {table} }}
127.0.0.1:{refused} inet n - n - - smtpd
  -o smtpd_recipient_restrictions=special
"""


def test_a_service_opens_with_proxy_what_is_listed_and_nothing_else(tmp_path: Path) -> None:
    approved, refused = free_port(), free_port()
    settings = {
        "smtpd_restriction_classes": "special",
        "special": "check_recipient_access proxy:static:OK",
    }
    services = SERVICES.format(approved=approved, refused=refused, table=LISTED)
    with MailSystem(tmp_path, settings, services) as system:
        with smtplib.SMTP("127.0.0.1", approved, "client.example", timeout=20) as client:
            client.ehlo()
            client.mail("a@x.example")
            assert client.rcpt("bob@inbox.example")[0] == 450
            assert client.rcpt("alice@inbox.example")[0] == 250
        with socket.create_connection(("127.0.0.1", refused)):
            system.wait_for_log(
                "fatal: special: check_recipient_access: proxymap service is not configured for"
                ' table "static:OK"; to approve this table for read-only access,'
                " list proxy:static:OK in main.cf:proxy_read_maps"
            )


def test_lookups_in_a_debug_table_are_in_the_log(tmp_path: Path) -> None:
    aliases = "inline:{list@inbox.example=alice@inbox.example}"
    with MailSystem(tmp_path, {"virtual_alias_maps": f"debug:{aliases}"}) as system:
        with system.client() as client:
            client.ehlo()
            client.mail("a@x.example")
            assert client.rcpt("list@inbox.example")[0] == 250
        system.wait_for_log(f'{aliases} lookup: "list@inbox.example" = "alice@inbox.example"')


def test_a_table_that_is_not_built_yet_defers_and_is_found_once_it_is(tmp_path: Path) -> None:
    source = tmp_path / "aliases"
    source.write_text("list@inbox.example alice@inbox.example\n")
    settings = {"virtual_alias_maps": f"hash:{source}"}
    with MailSystem(tmp_path, settings) as system, system.client() as client:
        client.ehlo()
        client.mail("a@x.example")
        code, text = client.rcpt("list@inbox.example")
        assert (code, text[:5]) == (451, b"4.3.0")
        system.run("postmap", f"hash:{source}")
        wait_for(lambda: client.rcpt("list@inbox.example")[0] == 250, 5, "the table is read")
