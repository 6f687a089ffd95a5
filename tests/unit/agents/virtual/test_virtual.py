import os
from pathlib import Path

import pytest

from spoolmta.agents import virtual
from spoolmta.errors import ConfigError
from spoolmta.message.outcome import Action, Success
from tests.unit.agents.conftest import USER, Bench, Open

MAPS = (
    "inline:{ {a@v.example=v/a/}, {m@v.example=v/m}, {@all.example=all/}, {t@v.example=x/../y/} }"
)


@pytest.fixture
def virtual_agent(bench: Open, folder: Path) -> Bench:
    base = folder / "mail"
    base.mkdir()
    os.chown(base, USER.pw_uid, USER.pw_gid)
    return bench(
        virtual,
        {
            "virtual_mailbox_maps": MAPS,
            "virtual_mailbox_base": str(base),
            "virtual_uid_maps": f"static:{USER.pw_uid}",
            "virtual_gid_maps": f"static:{USER.pw_gid}",
        },
        service="virtual",
    )


def _messages(bench: Bench, box: str) -> list[bytes]:
    new = bench.folder / "mail" / box / "new"
    return [path.read_bytes() for path in sorted(new.iterdir())]


def test_a_maildir_gets_the_message_with_the_envelopes_headers(virtual_agent: Bench) -> None:
    (outcome,) = virtual_agent.deliver("a@v.example").outcomes
    assert (outcome.action, outcome.dsn, outcome.reason, outcome.relay) == (
        Action.SENT,
        "2.0.0",
        "delivered to maildir",
        "virtual",
    )
    assert outcome.tell_success is Success.DELIVERED
    (text,) = _messages(virtual_agent, "v/a")
    assert text == (
        b"Return-Path: <s@src.example>\nX-Original-To: a@v.example\nDelivered-To: a@v.example\n"
        b"From: s@src.example\nSubject: hi\n\nline\nFrom here\n"
    )
    (path,) = (virtual_agent.folder / "mail" / "v" / "a" / "new").iterdir()
    assert path.stat().st_uid == USER.pw_uid


def test_a_mailbox_that_is_a_file_gets_separators_and_quoted_lines(virtual_agent: Bench) -> None:
    virtual_agent.deliver("a@v.example")
    for _ in range(2):
        (outcome,) = virtual_agent.deliver("m@v.example").outcomes
        assert outcome.reason == "delivered to mailbox"
    text = (virtual_agent.folder / "mail" / "v" / "m").read_bytes()
    assert text.count(b"From s@src.example  ") == 2
    assert text.endswith(b"\n\nline\n>From here\n\n")


def test_an_unknown_user_is_returned(virtual_agent: Bench) -> None:
    (outcome,) = virtual_agent.deliver("Nobody@V.example").outcomes
    assert (outcome.action, outcome.dsn) == (Action.BOUNCED, "5.1.1")
    assert outcome.reason == 'unknown user: "nobody@v.example"'


@pytest.mark.parametrize("address", ["A@V.example", "a+ext@v.example"])
def test_case_and_extension_do_not_matter(virtual_agent: Bench, address: str) -> None:
    assert virtual_agent.deliver(address).outcomes[0].action is Action.SENT
    assert len(_messages(virtual_agent, "v/a")) == 1


def test_a_whole_domain_may_have_one_mailbox(virtual_agent: Bench) -> None:
    report = virtual_agent.deliver("x@all.example", "y@all.example")
    assert [outcome.number for outcome in report.outcomes] == [0, 1]
    assert len(_messages(virtual_agent, "all")) == 2


def test_a_large_message_is_streamed(virtual_agent: Bench) -> None:
    content = b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n"
    content += (b"From " + b"z" * 700 + b"\r\n") * 4000
    assert virtual_agent.deliver("a@v.example", content=content).outcomes[0].action is Action.SENT
    (text,) = _messages(virtual_agent, "v/a")
    assert text.endswith(content.replace(b"\r\n", b"\n"))


def test_a_path_that_leads_elsewhere_waits_for_the_operator(virtual_agent: Bench) -> None:
    (outcome,) = virtual_agent.deliver("t@v.example").outcomes
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.5")
    assert "bad path" in virtual_agent.log()


def test_a_repeated_delivery_is_the_same_file(virtual_agent: Bench) -> None:
    message_id = virtual_agent.enqueue(("a@v.example",), b"X: y\r\n\r\n")
    delivery = virtual_agent.delivery(message_id, ("a@v.example",), b"X: y\r\n\r\n")
    for _ in range(2):
        virtual_agent.run(virtual_agent.agent.deliver(delivery, virtual_agent.content))
    assert len(_messages(virtual_agent, "v/a")) == 1


def test_a_table_that_gives_no_answer_is_no_unknown_user(bench: Open) -> None:
    agent = bench(virtual, {"virtual_mailbox_maps": "fail:now"})
    (outcome,) = agent.deliver("a@v.example").outcomes
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.0")


@pytest.mark.parametrize("uid", ["0", "99999", "x"])
def test_a_user_that_may_not_be_is_a_mistake_of_the_configuration(bench: Open, uid: str) -> None:
    agent = bench(
        virtual,
        {
            "virtual_mailbox_maps": "static:x/",
            "virtual_minimum_uid": "100000",
            "virtual_uid_maps": f"static:{uid}",
            "virtual_gid_maps": "static:65534",
        },
    )
    (outcome,) = agent.deliver("a@v.example").outcomes
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.5")
    assert outcome.reason == "mail system configuration error"


def test_a_mailbox_limit_below_the_message_limit_is_refused(bench: Open) -> None:
    with pytest.raises(ConfigError, match="virtual_mailbox_limit"):
        bench(virtual, {"virtual_mailbox_limit": "1000"})


def test_who_belongs_to_no_one_needs_no_tables_of_users(bench: Open, folder: Path) -> None:
    own = {
        "virtual_mailbox_maps": "static:x/",
        "virtual_mailbox_base": str(folder / "mail"),
        "mail_owner": "root" if os.geteuid() == 0 else USER.pw_name,
    }
    assert bench(virtual, own).deliver("a@v.example").outcomes[0].action is Action.SENT
