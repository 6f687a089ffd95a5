import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from spoolmta.agents import local
from spoolmta.errors import ConfigError
from spoolmta.message.envelope import Notify
from spoolmta.message.outcome import Action, DeliveryRecipient, Outcome, Served, Success
from spoolmta.spool.outcomes import put_served
from tests.unit.agents.conftest import CONTENT, USER, Bench, Open

ME = USER.pw_name
HERE = f"{ME}@local.example"
Agent = Callable[..., Bench]


@pytest.fixture
def agent(bench: Open, folder: Path) -> Agent:
    """Opens the local agent: agent({"name": "alias value"}, parameter="value")."""
    for name in ("spool", "forward", "out"):
        (folder / name).mkdir()
        (folder / name).chmod(0o1777)

    def open_(aliases: Mapping[str, str] | None = None, **settings: str) -> Bench:
        table = " ".join(f"{{{name} = {value}}}" for name, value in (aliases or {}).items())
        return bench(
            local,
            {
                "alias_maps": f"inline:{{ {table} }}" if table else "",
                "mail_spool_directory": str(folder / "spool"),
                "forward_path": f"{folder}/forward/$user$recipient_delimiter$extension,"
                f" {folder}/forward/$user",
                **settings,
            },
            service="local",
        )

    return open_


def _outcome(bench: Bench, address: str = HERE, **more: object) -> Outcome:
    return bench.deliver(address, **more).outcomes[0]


def _mailbox(bench: Bench) -> bytes:
    return (bench.folder / "spool" / ME).read_bytes()


def _forward(folder: Path, text: str, name: str = ME) -> None:
    path = folder / "forward" / name
    path.write_text(text)
    os.chown(path, USER.pw_uid, USER.pw_gid)
    path.chmod(0o600)


def test_a_user_gets_mail_into_the_spool_as_the_user(agent: Agent) -> None:
    bench = agent()
    outcome = _outcome(bench)
    assert (outcome.action, outcome.reason) == (Action.SENT, "delivered to mailbox")
    assert (outcome.relay, outcome.tell_success) == ("local", Success.DELIVERED)
    lines = _mailbox(bench).split(b"\n")
    assert lines[0].startswith(b"From s@src.example  ")
    assert lines[1:4] == [
        b"Return-Path: <s@src.example>",
        b"X-Original-To: " + HERE.encode(),
        b"Delivered-To: " + HERE.encode(),
    ]
    assert lines[-4:] == [b"line", b">From here", b"", b""]
    assert (bench.folder / "spool" / ME).stat().st_uid == USER.pw_uid


def test_a_home_mailbox_with_a_slash_is_a_maildir(agent: Agent, folder: Path) -> None:
    bench = agent(mail_spool_directory=f"{folder}/spool/")
    assert _outcome(bench).reason == "delivered to maildir"
    assert len(list((folder / "spool" / ME / "new").iterdir())) == 1


def test_an_unknown_user_is_returned(agent: Agent) -> None:
    outcome = _outcome(agent(), "No-Such+ext@local.example")
    assert (outcome.action, outcome.dsn) == (Action.BOUNCED, "5.1.1")
    assert outcome.reason == 'unknown user: "no-such"'


def test_mail_that_was_here_before_is_a_loop(agent: Agent) -> None:
    content = b"Delivered-To: " + HERE.upper().encode() + b"\r\n" + CONTENT
    outcome = _outcome(agent(), content=content)
    assert (outcome.dsn, outcome.reason) == ("5.4.6", f"mail forwarding loop for {HERE}")


@pytest.mark.root
def test_roots_mail_is_in_roots_mailbox_and_its_commands_are_not_run_as_root(
    agent: Agent, folder: Path
) -> None:
    assert _outcome(agent(), "root@local.example").reason == "delivered to mailbox"
    assert (folder / "spool" / "root").stat().st_uid == 0
    bench = agent(mailbox_command=f"id -u > {folder}/out/id")
    assert _outcome(bench, "root@local.example").action is Action.SENT
    assert (folder / "out" / "id").read_text() == f"{USER.pw_uid}\n"


def test_an_alias_for_one_user_is_delivered_at_once(agent: Agent) -> None:
    bench = agent({"all": "others", "others": ME})
    outcome = _outcome(bench, "All@local.example")
    assert (outcome.reason, outcome.tell_success) == ("alias expanded", Success.EXPANDED)
    (answer,) = outcome.answers
    assert (answer.address, answer.original) == (f"{ME}@mx.test.example", "All@local.example")
    assert answer.outcome.reason == "delivered to mailbox"
    assert b"\nDelivered-To: All@local.example\n" in _mailbox(bench)


def test_an_alias_delivers_here_and_sends_the_rest_on(agent: Agent) -> None:
    bench = agent({"all": f"{ME}, x@far.example, y@far.example"})
    report = bench.deliver("all@local.example")
    (message,) = report.messages
    (outcome,) = report.outcomes
    assert (outcome.reason, outcome.tell_success) == ("alias expanded", Success.EXPANDED)
    assert [(answer.address, answer.outcome.reason) for answer in outcome.answers] == [
        (f"{ME}@mx.test.example", "delivered to mailbox"),
        ("all@local.example", f"forwarded as {message.queue_id}"),
    ]
    envelope = message.envelope
    assert (envelope.sender, envelope.origin) == ("s@src.example", "local")
    assert [(r.address, r.original) for r in envelope.recipients] == [
        ("x@far.example", "all@local.example"),
        ("y@far.example", "all@local.example"),
    ]
    text = bench.text_of(message)
    assert text == b"Delivered-To: all@local.example\r\n" + CONTENT
    assert message.size == len(text)
    assert b"\nDelivered-To: all@local.example\n" in _mailbox(bench)


def test_a_large_message_is_forwarded_piece_by_piece(agent: Agent) -> None:
    bench = agent({"far": "x@far.example"})
    content = CONTENT + (b"y" * 98 + b"\r\n") * 30_000
    (message,) = bench.deliver("far@local.example", content=content).messages
    assert message.uploaded > 0
    assert bench.text_of(message) == b"Delivered-To: far@local.example\r\n" + content


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        (Notify.ABSENT, Notify.ABSENT),
        (Notify.SUCCESS, Notify.NEVER),
        (Notify.SUCCESS | Notify.FAILURE, Notify.FAILURE),
    ],
)
def test_success_is_not_asked_of_those_behind_an_alias(
    agent: Agent, notify: Notify, expected: Notify
) -> None:
    bench = agent({"far": "x@far.example"})
    recipient = DeliveryRecipient(0, "far@local.example", "f@x", "rfc822;f@x", notify)
    (message,) = bench.deliver("far@local.example", recipients=(recipient,), ret="HDRS").messages
    (forwarded,) = message.envelope.recipients
    assert (forwarded.notify, forwarded.orcpt, forwarded.original) == (
        expected,
        "rfc822;f@x",
        "f@x",
    )
    assert message.envelope.ret == "HDRS"


def test_a_list_with_an_owner_has_the_owner_as_sender(agent: Agent) -> None:
    bench = agent({"list": "x@far.example", "owner-list": ME})
    (message,) = bench.deliver("list@local.example", envid="id", ret="FULL").messages
    envelope = message.envelope
    assert (envelope.sender, envelope.envid, envelope.ret) == (
        "owner-list@mx.test.example",
        "id",
        "FULL",
    )


def test_an_alias_of_itself_means_the_user(agent: Agent) -> None:
    bench = agent({ME: f"{ME}, x@far.example"})
    report = bench.deliver(HERE)
    assert len(report.messages) == 1
    assert [r.address for r in report.messages[0].envelope.recipients] == ["x@far.example"]
    assert _mailbox(bench)


def test_aliases_that_lead_in_a_circle_are_returned(agent: Agent) -> None:
    outcome = _outcome(agent({"one": "two", "two": "one"}), "one@local.example")
    assert (outcome.dsn, outcome.reason) == ("5.4.6", "alias database loop for two")
    assert outcome.address == "two@mx.test.example"


def test_a_backslash_changes_nothing(agent: Agent) -> None:
    bench = agent({"me": f"\\{ME}", ME: f"\\{ME}, x@far.example"})
    report = bench.deliver("me@local.example")
    assert [answer.outcome.reason for answer in report.outcomes[0].answers][:1] == [
        "delivered to mailbox"
    ]
    assert len(report.messages) == 1


def test_a_command_is_run_with_the_message_and_what_is_known_of_it(
    agent: Agent, folder: Path
) -> None:
    bench = agent({"cmd": f'"|cat > {folder}/out/mail; env > {folder}/out/env"'})
    outcome = _outcome(bench, "cmd+x@local.example")
    assert outcome.action is Action.SENT
    assert outcome.answers[0].outcome.reason.startswith("delivered to command: cat > ")
    text = (folder / "out" / "mail").read_bytes()
    assert text.startswith(b"From s@src.example  ")
    assert text.endswith(b"line\nFrom here\n")
    values = dict(
        line.split("=", 1) for line in (folder / "out" / "env").read_text().split("\n") if line
    )
    assert {name: values.get(name) for name in ("SENDER", "USER", "LOCAL", "EXTENSION")} == {
        "SENDER": "s@src.example",
        "USER": "cmd",
        "LOCAL": "cmd+x",
        "EXTENSION": "x",
    }
    assert values["CLIENT_ADDRESS"] == "192.0.2.1"
    assert "HOME" not in values


def test_a_commands_failure_is_the_senders_to_know(agent: Agent) -> None:
    outcome = _outcome(agent({"cmd": '"|echo sorry; exit 67"'}), "cmd@local.example")
    assert (outcome.action, outcome.dsn) == (Action.BOUNCED, "5.1.1")
    assert outcome.reason == "user unknown. Command output: sorry "
    assert outcome.reply == "sorry"


def test_a_destination_that_must_wait_holds_the_others_back(agent: Agent) -> None:
    bench = agent({"all": '"|exit 75", x@far.example'})
    report = bench.deliver("all@local.example")
    assert report.outcomes[0].action is Action.DEFERRED
    assert report.messages == ()


def test_a_destination_that_fails_does_not_hold_the_others_back(agent: Agent) -> None:
    bench = agent({"all": '"|exit 67", x@far.example, "|exit 73"'})
    report = bench.deliver("all@local.example")
    (first,) = report.outcomes
    assert (first.action, first.reason) == (Action.BOUNCED, "user unknown")
    assert [(one.action, one.reason) for one in first.further] == [
        (Action.BOUNCED, "can't create user output file"),
        (Action.SENT, "alias expanded"),
    ]
    assert len(report.messages) == 1


def test_a_file_and_a_maildir_are_written(agent: Agent, folder: Path) -> None:
    bench = agent({"file": f"{folder}/out/f", "dir": f"{folder}/out/d/", "null": "/dev/null"})
    said = {
        name: _outcome(bench, f"{name}@local.example").answers[0].outcome.reason
        for name in ("file", "dir", "null")
    }
    assert said == {
        "file": f"delivered to file: {folder}/out/f",
        "dir": "delivered to maildir",
        "null": "delivered to file: /dev/null",
    }
    assert (folder / "out" / "f").read_bytes().endswith(b">From here\n\n")
    assert (folder / "out" / "f").stat().st_uid == USER.pw_uid


def test_a_list_file_is_read_and_may_not_name_commands(agent: Agent, folder: Path) -> None:
    listed = folder / "list"
    listed.write_text("# people\nx@far.example\ny@far.example\n")
    bench = agent({"list": f":include:{listed}"})
    (message,) = bench.deliver("list@local.example").messages
    assert [r.address for r in message.envelope.recipients] == ["x@far.example", "y@far.example"]
    listed.write_text('"|/bin/true"\n')
    outcome = _outcome(bench, "list@local.example")
    assert (outcome.dsn, outcome.reason) == ("5.7.1", "mail to command is restricted")


def test_a_list_file_that_is_not_there_is_a_mistake_of_the_configuration(agent: Agent) -> None:
    outcome = _outcome(agent({"list": ":include:/nonexistent"}), "list@local.example")
    assert (outcome.dsn, outcome.reason) == ("5.3.5", "mail system configuration error")


def test_a_list_file_that_includes_itself_is_read_once(agent: Agent, folder: Path) -> None:
    listed = folder / "list"
    listed.write_text(f":include:{listed}, x@far.example\n")
    (message,) = agent({"list": f":include:{listed}"}).deliver("list@local.example").messages
    assert [r.address for r in message.envelope.recipients] == ["x@far.example"]


def test_a_list_that_names_nobody_is_done_with(agent: Agent, folder: Path) -> None:
    (folder / "list").write_text("# nobody yet\n")
    outcome = _outcome(agent({"list": f":include:{folder}/list"}), "list@local.example")
    assert (outcome.action, outcome.reason) == (Action.SENT, "the list names nobody")


def test_a_forward_file_sends_on_and_keeps_a_copy(agent: Agent, folder: Path) -> None:
    _forward(folder, f"\\{ME}, x@far.example\n")
    bench = agent()
    report = bench.deliver(HERE)
    assert [r.address for r in report.messages[0].envelope.recipients] == ["x@far.example"]
    assert _mailbox(bench)


def test_a_forward_file_for_an_extension_comes_first(agent: Agent, folder: Path) -> None:
    _forward(folder, "x@far.example\n")
    _forward(folder, "y@far.example\n", name=f"{ME}+ext")
    bench = agent()
    for address, target in ((f"{ME}+ext@local.example", "y"), (f"{ME}+o@local.example", "x")):
        (message,) = bench.deliver(address).messages
        assert message.envelope.recipients[0].address == f"{target}@far.example"


def test_a_command_of_a_forward_file_runs_as_its_user(agent: Agent, folder: Path) -> None:
    _forward(folder, f'"|id -u > {folder}/out/id; echo $HOME >> {folder}/out/id"\n')
    assert _outcome(agent()).action is Action.SENT
    assert (folder / "out" / "id").read_text() == f"{USER.pw_uid}\n{USER.pw_dir}\n"


def test_an_empty_forward_file_is_none(agent: Agent, folder: Path) -> None:
    _forward(folder, "# nothing\n")
    assert _outcome(agent()).reason == "delivered to mailbox"


def test_a_forward_file_that_anybody_may_write_is_not_heeded(agent: Agent, folder: Path) -> None:
    _forward(folder, "x@far.example\n")
    (folder / "forward" / ME).chmod(0o666)
    bench = agent()
    assert _outcome(bench).reason == "delivered to mailbox"
    assert "is world writable" in bench.log()


def test_a_mailbox_command_gets_the_shells_own_names(agent: Agent, folder: Path) -> None:
    bench = agent(mailbox_command=f'printf "%s" "$EXTENSION" > {folder}/out/e')
    assert _outcome(bench, f"{ME}+lists@local.example").action is Action.SENT
    assert (folder / "out" / "e").read_text() == "lists"


def test_mail_for_nobody_in_particular_has_a_relay(agent: Agent) -> None:
    bench = agent(luser_relay="$user@elsewhere.example")
    (message,) = bench.deliver("no-such@local.example").messages
    assert message.envelope.recipients[0].address == "no-such@elsewhere.example"


def test_a_relay_that_is_unknown_itself_ends(agent: Agent) -> None:
    outcome = _outcome(agent(luser_relay="no-such-either"), "no-such@local.example")
    assert outcome.reason == 'unknown user: "no-such-either"'


def test_mail_for_postmaster_is_never_refused(agent: Agent) -> None:
    bench = agent()
    outcome = _outcome(bench, "postmaster@local.example")
    assert (outcome.action, outcome.reason) == (Action.SENT, "discarded")
    assert "required alias not found: postmaster" in bench.log()


def test_a_mailbox_that_could_not_take_what_is_accepted_is_refused(agent: Agent) -> None:
    with pytest.raises(ConfigError, match="mailbox_size_limit is smaller than message_size_limit"):
        agent(mailbox_size_limit="1000", message_size_limit="2000")


def test_a_user_without_home_waits_where_a_home_is_required(agent: Agent, folder: Path) -> None:
    assert _outcome(agent(require_home_directory="no")).action is Action.SENT
    if Path(USER.pw_dir).exists():
        assert _outcome(agent(require_home_directory="yes")).action is Action.SENT
    else:
        outcome = _outcome(agent(require_home_directory="yes"))
        assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.0")
        assert outcome.reason.startswith(f"cannot access home directory {USER.pw_dir}: ")


def test_other_transports_take_mailboxes_and_unknown_names(agent: Agent) -> None:
    bench = agent(
        {"all": f"{ME}, no-such, x@far.example"},
        mailbox_transport_maps=f"inline:{{{ME}=lmtp:unix:box}}",
        fallback_transport="smtp",
    )
    report = bench.deliver("all@local.example", nexthop="hop")
    assert [(one.number, one.address, one.transport, one.nexthop) for one in report.passed] == [
        (0, f"{ME}@mx.test.example", "lmtp", "unix:box"),
        (0, "no-such@mx.test.example", "smtp", "hop"),
    ]
    assert len(report.messages) == 1
    assert bench.deliver("no-such@local.example").outcomes == ()


@pytest.mark.parametrize(
    ("name", "dsn", "reason"),
    [
        (ME, "2.0.0", "delivers to mailbox"),
        (
            "team",
            "2.0.0",
            "delivers to mailbox; delivers to command: true; forwards to x@y.example",
        ),
        ("box", "2.0.0", "delivers to file: /tmp/box/"),
        ("no-such", "5.1.1", 'unknown user: "no-such"'),
    ],
)
def test_a_probe_says_what_a_recipient_comes_down_to_and_does_none_of_it(
    agent: Agent, folder: Path, name: str, dsn: str, reason: str
) -> None:
    bench = agent({"team": f'\\{ME}, "|true", x@y.example', "box": "/tmp/box/"})
    report = bench.probe(f"{name}@local.example")
    (first,) = report.outcomes
    assert {one.dsn for one in (first, *first.further)} == {dsn}
    assert "; ".join(one.reason for one in (first, *first.further)) == reason
    assert report.messages == ()
    assert not list((folder / "spool").iterdir())


def test_a_table_that_gives_no_answer_is_no_unknown_user(agent: Agent) -> None:
    outcome = _outcome(agent(alias_maps="fail:now"), "no-such@local.example")
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.0")


def test_another_user_needs_root(agent: Agent) -> None:
    # With root, "daemon" is who the mail system is.
    outcome = _outcome(agent(), "daemon@local.example")
    assert outcome.dsn == "4.3.5"


@pytest.mark.parametrize("parameter", ["alias_maps", "mailbox_command_maps"])
def test_a_recipient_waits_for_a_database_that_gives_no_answer(
    agent: Agent, folder: Path, parameter: str
) -> None:
    (folder / "broken").write_text("this is no database, however long one looks at it\n" * 100)
    query = f"dbpath = {folder}/broken\nquery = SELECT value FROM entry WHERE name = '%s'\n"
    (folder / "broken.cf").write_text(query)
    outcome = _outcome(agent(**{parameter: f"sqlite:{folder}/broken.cf"}))
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.0")
    assert not list((folder / "spool").iterdir())


def test_what_was_delivered_before_another_destination_had_to_wait_is_left_out_at_the_next_try(
    agent: Agent, folder: Path
) -> None:
    opens = f"test -e {folder}/out/open"
    value = f'{ME}, {folder}/out/file, "|echo x >> {folder}/out/ran", "|{opens} || exit 75"'
    bench = agent({"all": f"{value}, x@far.example"})
    addresses = ("all@local.example",)
    delivery = bench.delivery(bench.enqueue(addresses, CONTENT), addresses, CONTENT)
    first = bench.run(bench.agent.deliver(delivery, bench.content))
    assert first.outcomes[0].action is Action.DEFERRED
    assert (len(first.served), first.messages) == (3, ())
    with bench.context.spool.transaction() as tx:
        put_served(tx, delivery.message_id, first.served)
    (folder / "out" / "open").touch()
    second = bench.run(bench.agent.deliver(delivery, bench.content))
    assert second.outcomes[0].action is Action.SENT
    assert (len(second.served), len(second.messages)) == (0, 1)
    assert _mailbox(bench).count(b"\nDelivered-To: ") == 1
    assert (folder / "out" / "file").read_bytes().count(b"\nDelivered-To: ") == 1
    assert (folder / "out" / "ran").read_text() == "x\n"


def test_a_recipient_all_of_whose_destinations_have_it_is_done(agent: Agent) -> None:
    bench = agent({"all": f"{ME}, x@far.example"})
    addresses = ("all@local.example",)
    delivery = bench.delivery(bench.enqueue(addresses, CONTENT), addresses, CONTENT)
    had = (Served(0, f"mailbox {ME}"), Served(0, "address x@far.example"))
    with bench.context.spool.transaction() as tx:
        put_served(tx, delivery.message_id, had)
    report = bench.run(bench.agent.deliver(delivery, bench.content))
    assert report.outcomes[0].action is Action.SENT
    assert (report.messages, report.passed) == ((), ())
