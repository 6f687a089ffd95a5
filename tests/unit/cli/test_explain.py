"""spoolmta explain, as a person and a program see it."""

import getpass
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spoolmta.cli.explanation.facts import Explanation, Verdict
from spoolmta.cli.explanation.inquiry import Question
from spoolmta.cli.explanation.report import answer
from spoolmta.cli.spoolmta import main
from spoolmta.config.loader import load
from tests.support.mail_system import SERVICES
from tests.support.rights import let_everybody_into
from tests.support.stub_dns import StubDns
from tests.unit.cli.conftest import Run

SETTINGS = {
    "compatibility_level": "3.11",
    "myhostname": "mx.test.example",
    "mydestination": "mx.test.example, localhost",
    "mail_owner": getpass.getuser(),
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "127.0.0.1",
    "alias_maps": "",
    "local_recipient_maps": "",
    "virtual_mailbox_domains": "inbox.example",
    "virtual_mailbox_base": "/srv/mail",
    "virtual_mailbox_maps": "inline:{ {alice@inbox.example = inbox.example/alice/} }",
    "virtual_uid_maps": f"static:{os.getuid()}",
    "virtual_gid_maps": f"static:{os.getgid()}",
}
NO_DNS = ("--no-dns", "--from", "me@sender.example")

Site = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Write a configuration with some settings; return its folder."""

    def write(settings: dict[str, str] | None = None, services: str = SERVICES) -> Path:
        values = {**SETTINGS, "queue_directory": str(tmp_path), **(settings or {})}
        text = "".join(f"{name} = {value}\n" for name, value in values.items())
        (tmp_path / "main.cf").write_text(text)
        (tmp_path / "master.cf").write_text(services.format(port=2525))
        return tmp_path

    return write


def explained(run: Run, folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    ended = run(main, "-c", folder, "explain", "--json", *NO_DNS, *arguments)
    return ended.status, json.loads(ended.out)


def told(folder: Path, address: str, **asked: Any) -> Explanation:
    question = Question(address, "me@sender.example", **{"dns": False, **asked})
    return answer(load(folder), question)


def test_the_json_has_the_names_that_programs_rely_on(site: Site, run: Run) -> None:
    status, said = explained(run, site(), "alice@inbox.example")
    assert status == 0
    assert said["rewritten"] == "alice@inbox.example"
    assert said["verdict"] == "deliverable"
    [recipient] = said["recipients"]
    assert recipient["address"] == "alice@inbox.example"
    assert recipient["class"] == "virtual mailbox"
    assert recipient["transport"] == "virtual"
    assert recipient["nexthop"] == "inbox.example"
    assert recipient["mailbox"] == "/srv/mail/inbox.example/alice/"
    steps = {step["what"]: step for step in recipient["steps"]}
    assert steps["class"]["parameter"] == "virtual_mailbox_domains"
    assert steps["class"]["key"] == "inbox.example"
    assert steps["transport"]["parameter"] == "virtual_transport"
    assert steps["mailbox"]["key"] == "alice@inbox.example"
    assert steps["mailbox"]["value"] == "inbox.example/alice/"
    assert recipient["limits"]["concurrency"] == 20


def test_the_story_names_the_entries_that_decide(site: Site, run: Run) -> None:
    folder = site(
        {
            "canonical_maps": "inline:{ {old@inbox.example = sales@shop.example} }",
            "virtual_alias_domains": "shop.example",
            "virtual_alias_maps": "inline:{"
            " {sales@shop.example = alice@inbox.example, b@far.example} }",
            "transport_maps": "inline:{ {far.example = smtp:[192.0.2.1]} }",
        }
    )
    ended = run(main, "-c", folder, "explain", *NO_DNS, "old@inbox.example")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == "Mail from <me@sender.example> for <old@inbox.example>"
    assert any(line.startswith("canonical sales@shop.example canonical_maps") for line in lines)
    assert "├─ alice@inbox.example" in lines
    assert "└─ b@far.example" in lines
    assert "class virtual mailbox virtual_mailbox_domains: inbox.example" in lines
    assert any("transport_maps inline:{" in line and "far.example" in line for line in lines)
    assert lines[-1] == "It would be delivered."
    assert ended.status == 0


def test_an_unknown_address_shows_what_a_client_would_hear(site: Site, run: Run) -> None:
    status, said = explained(run, site(), "nobody@inbox.example")
    assert status == 1
    assert said["verdict"] == "refused"
    assert said["smtp"]["reply"] == (
        "550 5.1.1 <nobody@inbox.example>: Recipient address rejected:"
        " User unknown in virtual mailbox table"
    )
    [recipient] = said["recipients"]
    assert recipient["mailbox"] is None
    assert recipient["problem"]["dsn"] == "5.1.1"


def test_a_stranger_may_not_relay_and_the_restriction_is_named(site: Site, run: Run) -> None:
    folder = site({"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"})
    status, said = explained(run, folder, "x@far.example", "--client", "192.0.2.1")
    assert (status, said["verdict"]) == (1, "refused")
    assert said["smtp"]["reply"] == "554 5.7.1 <x@far.example>: Relay access denied"
    decided = said["smtp"]["decided_by"]
    assert decided["restriction"] == "reject_unauth_destination"
    assert decided["parameter"] == "smtpd_relay_restrictions"
    status, said = explained(run, folder, "x@far.example", "--client", "127.0.0.1")
    assert (status, said["smtp"]["decided_by"]["restriction"]) == (0, "permit_mynetworks")


def test_a_client_that_has_authenticated_may_relay(site: Site, run: Run) -> None:
    client = ("--client", "192.0.2.1", "--sasl", "alice")
    status, said = explained(run, site(), "x@far.example", *client)
    assert status == 0
    assert said["smtp"]["decided_by"]["restriction"] == "permit_sasl_authenticated"


def test_the_entry_of_an_access_table_is_shown(site: Site) -> None:
    table = "inline:{{192.0.2 = REJECT go away}}"
    folder = site({"smtpd_client_restrictions": f"check_client_access {table}"})
    admission = told(folder, "alice@inbox.example", client="192.0.2.1").smtp
    assert admission is not None
    assert admission.reply.endswith("Client host rejected: go away")
    assert admission.decided_by is not None
    assert admission.decided_by.restriction == f"check_client_access {table}"
    [step] = admission.decided_by.lookups
    assert (step.key, step.result) == ("192.0.2", "REJECT go away")


def test_restrictions_of_later_features_and_of_dns_are_passed_over(site: Site) -> None:
    folder = site(
        {
            "smtpd_recipient_restrictions": "reject_rbl_client zen.example,"
            " check_policy_service inet:127.0.0.1:10023, reject_unknown_sender_domain,"
            " reject_unknown_client_hostname, reject_unverified_recipient"
        }
    )
    admission = told(folder, "alice@inbox.example", client="192.0.2.1").smtp
    assert admission is not None
    assert admission.accepted
    passed_over = {one.restriction: one.answer for one in admission.asked if not one.evaluated}
    assert passed_over == {
        "reject_rbl_client zen.example": "not evaluated: not supported yet",
        "check_policy_service inet:127.0.0.1:10023": "not evaluated: not supported yet",
        "reject_unknown_sender_domain": "not evaluated: the name service is not asked",
        "reject_unknown_client_hostname": "not evaluated: the name service is not asked",
        "reject_unverified_recipient": "not evaluated: not supported yet",
    }


def test_early_lists_and_later_recipients_are_judged_as_smtpd_does(site: Site) -> None:
    folder = site(
        {
            "smtpd_delay_reject": "no",
            "smtpd_sender_restrictions": "check_sender_access inline:{{me@ = 421 later}}",
        }
    )
    explanation = told(folder, "alice@inbox.example")
    assert explanation.smtp is not None
    assert explanation.smtp.reply.startswith("421 4.7.1 <me@sender.example>: Sender address")
    assert explanation.smtp.asked[-1].stage == "MAIL"
    assert told(site(), "postmaster").smtp.reply == "250 2.1.5 Ok"  # type: ignore[union-attr]
    assert told(site(), "a@bad..domain").smtp.reply.startswith("501")  # type: ignore[union-attr]


def test_an_access_table_that_is_down_leaves_it_undecided(site: Site, run: Run) -> None:
    folder = site({"smtpd_client_restrictions": "check_client_access fail:broken"})
    status, said = explained(run, folder, "alice@inbox.example")
    assert (status, said["verdict"]) == (75, "undecided")
    assert "fail:broken" in said["reason"]
    assert said["smtp"]["reply"].startswith("451 ")


def test_a_site_without_an_smtp_server_is_explained_all_the_same(site: Site) -> None:
    services = "\n".join(line for line in SERVICES.splitlines() if "smtpd" not in line)
    explanation = told(site(services=services + "\n"), "alice@inbox.example")
    assert explanation.smtp is None
    assert explanation.verdict is Verdict.DELIVERABLE


def test_a_transport_that_nobody_serves_lets_mail_wait(site: Site) -> None:
    folder = site({"transport_maps": "inline:{ {far.example = nosuch:} }"})
    explanation = told(folder, "x@far.example")
    assert explanation.verdict is Verdict.UNDECIDED
    assert "mail transport unavailable: master.cf has no service nosuch" in explanation.reason


def test_a_command_of_a_pipe_service_is_shown(site: Site) -> None:
    services = SERVICES + "lists unix - n n - - pipe user=nobody argv=/bin/cat ${{recipient}}\n"
    folder = site({"transport_maps": "inline:{ {far.example = lists:} }"}, services)
    [recipient] = told(folder, "x@far.example").recipients
    assert recipient.mailbox == "|/bin/cat ${recipient}"
    assert recipient.remarks == ["the command runs as nobody"]


def test_one_of_several_recipients_that_fails_counts(site: Site) -> None:
    folder = site(
        {
            "virtual_alias_domains": "shop.example",
            "virtual_alias_maps": "inline:{"
            " {all@shop.example = alice@inbox.example, no@inbox.example} }",
        }
    )
    explanation = told(folder, "all@shop.example")
    assert explanation.verdict is Verdict.UNDELIVERABLE
    assert [one.problem is None for one in explanation.recipients] == [True, False]


def test_a_copy_that_nobody_gets_does_not_count(site: Site) -> None:
    explanation = told(site({"always_bcc": "nobody@inbox.example"}), "alice@inbox.example")
    assert [(one.copy, one.problem is None) for one in explanation.recipients] == [
        (False, True),
        (True, False),
    ]
    assert explanation.verdict is Verdict.DELIVERABLE


def test_aliases_commands_and_users_of_this_machine(site: Site, tmp_path: Path) -> None:
    user = getpass.getuser()
    (tmp_path / "aliases").write_text(
        f'team {user}, "|/usr/bin/true", x@far.example\nowner-team boss@far.example\n'
    )
    folder = site({"alias_maps": f"texthash:{tmp_path}/aliases", "relayhost": "[192.0.2.1]"})
    [recipient] = told(folder, "team@mx.test.example").recipients
    assert recipient.transport == "local"
    assert recipient.mailboxes == ["|/usr/bin/true"]
    assert [one.address for one in recipient.forwarded] == [
        f"{user}@mx.test.example",
        "x@far.example",
    ]
    assert recipient.forwarded[1].nexthop == "[192.0.2.1]"
    assert recipient.remarks == ["what is sent on has the sender <owner-team@mx.test.example>"]
    step = next(step for step in recipient.steps if step.what == "alias")
    assert (step.parameter, step.key) == ("alias_maps", "team")
    [unknown] = told(folder, "nouser@mx.test.example").recipients
    assert unknown.problem is not None
    assert unknown.problem.text == 'unknown user: "nouser"'


def test_the_hosts_of_a_domain_stand_in_their_order(site: Site) -> None:
    with StubDns() as names:
        names.mx("far.example", 20, "b.far.example")
        names.mx("far.example", 10, "a.far.example")
        names.a("a.far.example", "192.0.2.1")
        names.a("b.far.example", "192.0.2.2")
        folder = site({"dns_nameservers": names.parameter, "inet_protocols": "ipv4"})
        explanation = told(folder, "x@far.example", dns=True)
    [recipient] = explanation.recipients
    assert [(h.name, h.address, h.port, h.preference) for h in recipient.hosts] == [
        ("a.far.example", "192.0.2.1", 25, 10),
        ("b.far.example", "192.0.2.2", 25, 20),
    ]


def test_a_relayhost_that_is_not_there_lets_mail_wait_and_any_other_returns_it(
    site: Site,
) -> None:
    with StubDns() as names:
        settings = {"dns_nameservers": names.parameter, "inet_protocols": "ipv4"}
        explanation = told(site(settings), "x@none.example", dns=True)
        assert explanation.verdict is Verdict.UNDELIVERABLE
        folder = site({**settings, "relayhost": "hub.none.example"})
        explanation = told(folder, "x@far.example", dns=True)
        assert explanation.verdict is Verdict.UNDECIDED
        assert "hub.none.example" in explanation.reason


def test_mail_that_would_loop_goes_to_best_mx_transport(site: Site) -> None:
    with StubDns() as names:
        names.mx("far.example", 10, "mx.test.example")
        names.a("mx.test.example", "127.0.0.1")
        settings = {"dns_nameservers": names.parameter, "inet_protocols": "ipv4"}
        explanation = told(site(settings), "x@far.example", dns=True)
        assert "loops back to myself" in explanation.reason
        folder = site({**settings, "best_mx_transport": "local"})
        [recipient] = told(folder, "x@far.example", dns=True).recipients
        assert recipient.problem is None
        assert recipient.remarks == [
            "this machine is its mail exchanger: local delivers (best_mx_transport)"
        ]


def test_addresses_that_servers_see_are_shown(site: Site) -> None:
    folder = site({"smtp_generic_maps": "inline:{ {me@sender.example = us@shop.example} }"})
    [recipient] = told(folder, "x@far.example").recipients
    [step] = [step for step in recipient.steps if step.what.endswith("shown")]
    assert (step.what, step.result) == ("sender shown", "us@shop.example")
    assert (step.parameter, step.key) == ("smtp_generic_maps", "me@sender.example")


@pytest.mark.root
def test_who_may_not_read_a_table_is_told_so(site: Site, tmp_path: Path) -> None:
    table = tmp_path / "transport"
    table.write_text("far.example smtp:[192.0.2.1]\n")
    table.chmod(0o600)
    folder = site({"transport_maps": f"texthash:{table}"})
    let_everybody_into(tmp_path)
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        explanation = told(folder, "x@far.example")
    finally:
        os.seteuid(0)
    assert explanation.verdict is Verdict.UNDECIDED
    assert f"{table}" in explanation.reason
    assert "Permission denied" in explanation.reason


@pytest.mark.parametrize(
    "arguments",
    [("a@x.example, b@x.example",), ("a@x.example", "--client", "far.example"), ("",)],
)
def test_what_cannot_be_asked_is_refused(site: Site, run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(main, "-c", site(), "explain", *arguments)
    assert ended.status == 2
    assert ended.err


def test_a_broken_configuration_is_said_to_be_broken(site: Site, run: Run) -> None:
    ended = run(main, "-c", site({"virtual_transport": ":nowhere"}), "explain", "a@x.example")
    assert ended.status == 78
    assert "virtual_transport" in ended.err
