"""A site as Debian's Postfix leaves it, taken over as docs/coming-from-postfix.md tells."""

from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem
from tests.support.oracle import needs_postfix, postfix

pytestmark = needs_postfix

DEBIAN = Path("/usr/share/postfix")
KEPT = (
    "queue_directory", "mail_owner", "maillog_file", "maillog_file_prefixes", "myhostname",
    "virtual_mailbox_base", "virtual_uid_maps", "virtual_gid_maps", "virtual_minimum_uid",
)  # fmt: skip
"""What spoolmta needs to run in a folder of its own, and as the user that the test runs as."""


@pytest.fixture
def site(tmp_path: Path) -> MailSystem:
    """Debian's own main.cf and master.cf, and aliases that Postfix's postalias built."""
    system = MailSystem(tmp_path)
    folder = system.configuration
    kept = {name: system.run("postconf", "-h", name).strip() for name in KEPT}
    (folder / "main.cf").write_bytes((DEBIAN / "main.cf.debian").read_bytes())
    (folder / "master.cf").write_bytes((DEBIAN / "master.cf.dist").read_bytes())
    (folder / "aliases").write_text("info: alice@boxes.example\n")
    built = postfix("postalias", "-c", str(folder), f"hash:{folder}/aliases")
    assert built.status == 0, built.err
    settings = {
        **kept,
        "alias_maps": "hash:$config_directory/aliases",
        "alias_database": "$alias_maps",
        "mydestination": "site.example",
        "virtual_mailbox_domains": "boxes.example",
        "virtual_mailbox_maps": "inline:{alice@boxes.example=alice/}",
    }
    system.run("postconf", "-e", *(f"{name} = {value}" for name, value in settings.items()))
    system.run("postconf", "-Me", f"smtp/inet=127.0.0.1:{system.port} inet n - y - - smtpd")
    return system


def test_check_names_what_keeps_a_site_of_debian_from_working(site: MailSystem) -> None:
    text = site.run("spoolmta", "check", status=1)
    assert f"{site.configuration}/aliases.db: it is a Berkeley DB file" in text
    assert "service maildrop/unix: user=vmail: unknown username: vmail; mail for this" in text


def test_a_site_of_debian_takes_and_delivers_mail(site: MailSystem) -> None:
    site.run("newaliases")
    assert "Berkeley" not in site.run("spoolmta", "check")
    with site:
        site.send("a@elsewhere.example", ["info@site.example"], "Subject: x\n\nhello\n")
        site.wait_for_log("to=<alice@boxes.example>")
    assert "orig_to=<info@site.example>" in site.log()
    assert "status=sent (delivered to maildir)" in site.log()
