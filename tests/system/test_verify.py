"""sendmail -bv on a running system: the report comes, and nothing else does; as Postfix's."""

import email
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, wait_for
from tests.support.postfix_oracle import PostfixOracle, is_installed
from tests.support.receiver import Receiver

ALICE = "alice@inbox.example"
ADDRESSES = (
    "bob@inbox.example",
    "nobody@inbox.example",
    "both@shop.example",
    "nobody@shop.example",
    "x@far.example",
    "refuse@far.example",
    "a@gone.example",
    "b@closed.example",
)
TABLES = {
    "virtual_alias_domains": "shop.example",
    "virtual_alias_maps": "inline:{ {both@shop.example = bob@inbox.example x@far.example} }",
    "transport_maps": "inline:{ {gone.example = discard:thrown away},"
    " {closed.example = error:5.7.1 closed} }",
}

Fields = dict[str, tuple[str, str, str]]


def fields(report: Message) -> Fields:
    """Return action, status and diagnosis for each final and original recipient of a report."""
    found = {}
    for part in report.get_payload()[1].get_payload()[1:]:
        final = part["Final-Recipient"].partition(";")[2].strip()
        original = part["Original-Recipient"].partition(";")[2].strip()
        diagnosis = " ".join(part["Diagnostic-Code"].split())
        # A sequence number, and what a receiver of another port says of itself.
        diagnosis = re.sub(r":[0-9]{2,5}\b", ":PORT", diagnosis)
        found[f"{original} {final}"] = (part["Action"], part["Status"], diagnosis)
    return found


def explain(system: MailSystem, address: str) -> set[str]:
    """Return the final recipients that are explained for an address."""
    arguments = (address, "--from", ALICE, "--no-dns", "--json")
    said = json.loads(system.run("spoolmta", "explain", *arguments, status=None))
    return {one["address"] for one in said["recipients"]}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {**TABLES, "inet_protocols": "ipv4"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postfix's user may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="verify-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_a_probe_is_reported_and_delivers_nothing(tmp_path: Path, settings: dict[str, str]) -> None:
    with (
        Receiver(tmp_path / "taken") as receiver,
        MailSystem(
            tmp_path / "ours", {**settings, "relayhost": f"[127.0.0.1]:{receiver.port}"}
        ) as system,
    ):
        said = system.run("sendmail", "-bv", "-f", ALICE, *ADDRESSES)
        assert said == f"Mail Delivery Status Report will be mailed to <{ALICE}>.\n"
        system.wait_until_empty()
        wait_for(lambda: system.mailbox("alice"), 20, "the report")
        assert receiver.taken() == {}
        assert system.mailbox("bob") == []
        (report,) = map(email.message_from_bytes, system.mailbox("alice"))
        found = fields(report)
        assert found["both@shop.example x@far.example"][0] == "deliverable"
        assert found["nobody@inbox.example nobody@inbox.example"][:2] == ("undeliverable", "5.1.1")
        text = report.get_payload()[2].as_bytes().decode()
        assert f"Mail from <{ALICE}> for <both@shop.example>" in text
        assert "virtual_alias_maps" in text
        explained = explain(system, "both@shop.example")
        assert explained == {"bob@inbox.example", "x@far.example"}
        assert {f"both@shop.example {final}" for final in explained} <= set(found)


@pytest.mark.root
@pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed")
def test_reports_are_those_of_postfix(folder: Path, settings: dict[str, str]) -> None:
    with Receiver(folder / "taken") as receiver:
        settings["relayhost"] = f"[127.0.0.1]:{receiver.port}"
        with MailSystem(folder / "ours", settings) as system:
            system.run("sendmail", "-bv", "-f", ALICE, *ADDRESSES)
            wait_for(lambda: system.mailbox("alice"), 30, "our report")
            ours = email.message_from_bytes(system.mailbox("alice")[0])
            explained = {f"{to} {final}" for to in ADDRESSES for final in explain(system, to)}
        mail = folder / "mail"
        mail.mkdir(mode=0o777)
        mail.chmod(0o777)
        oracle = PostfixOracle(
            folder / "theirs",
            {
                **settings,
                "virtual_mailbox_domains": "inbox.example",
                "virtual_mailbox_base": str(mail),
                "virtual_mailbox_maps": "inline:{ {alice@inbox.example = alice/},"
                " {bob@inbox.example = bob/} }",
                "virtual_uid_maps": "static:65534",
                "virtual_gid_maps": "static:65534",
            },
        )
        with oracle:
            said = oracle.run("sendmail", "-bv", "-f", ALICE, *ADDRESSES)
            assert said == f"Mail Delivery Status Report will be mailed to <{ALICE}>.\n"
            (path,) = wait_for(lambda: list(mail.glob("alice/new/*")), 30, "Postfix's report")
            theirs = email.message_from_bytes(path.read_bytes())
        assert receiver.taken() == {}
    assert fields(ours) == fields(theirs)
    assert explained == set(fields(theirs))
    for name in ("Subject", "To", "Auto-Submitted", "Content-Type"):
        assert ours[name].partition(";")[0] == theirs[name].partition(";")[0]
