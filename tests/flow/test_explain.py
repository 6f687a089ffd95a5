"""What is explained is what then happens: the transport, next hop and recipients of deliveries."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from spoolmta.cli.explanation.facts import Explanation, Verdict
from spoolmta.cli.explanation.inquiry import Inquiry, Question
from spoolmta.spool.state import State
from tests.support.mta import Mta

SENDER = "me@sender.example"
ALIASES = (
    "inline:{ {sales@shop.example = alice@inbox.example, bob@far.example, team@shop.example}"
    " {team@shop.example = alice@inbox.example, bob@inbox.example, one+two@far.example}"
    " {@catch.example = @inbox.example} {alice = root@elsewhere.example}"
    " {itself@shop.example = itself@shop.example, bob@inbox.example} }"
)
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "aliases": {
        "virtual_alias_maps": ALIASES,
        "virtual_alias_domains": "shop.example, catch.example",
    },
    "relayhost": {"relayhost": "[127.0.0.1]:2526", "relay_domains": "relay.example"},
    "relay transport": {"relay_domains": "relay.example", "relay_transport": "relay:[192.0.2.7]"},
    "transport map": {
        "transport_maps": "inline:{ {far.example = smtp:[192.0.2.1]:26} {.far.example = relay:}"
        " {bob@inbox.example = :other.example} {relay.example = error:5.7.1 closed}"
        " {elsewhere.example = nosuch:x} {user@far.example = discard:thrown away} }",
        "relayhost": "hub.example",
    },
    "by sender": {
        "sender_dependent_relayhost_maps": "inline:{ {@sender.example = [192.0.2.9]} }",
        "sender_dependent_default_transport_maps": "inline:{ {me@sender.example = relay} }",
        "relayhost": "[192.0.2.8]",
    },
    "by sender, no opinion": {
        "sender_dependent_relayhost_maps": "inline:{ {@sender.example = DUNNO} }",
        "sender_dependent_default_transport_maps": "inline:{ {me@sender.example = dunno} }",
        "default_transport": "smtp:[192.0.2.6]",
    },
    "by sender, with next hop": {
        "sender_dependent_default_transport_maps": "inline:{ {@sender.example = relay:[::5]} }",
        "default_transport": "smtp:[192.0.2.6]",
    },
    "canonical": {
        "canonical_maps": "inline:{ {user@far.example = bob@inbox.example}"
        " {me@sender.example = you@other.example} {@relay.example = @far.example} }",
        "recipient_canonical_maps": "inline:{ {alice@inbox.example = bob@inbox.example} }",
        "sender_dependent_relayhost_maps": "inline:{ {you@other.example = [192.0.2.9]} }",
    },
    "relocated": {
        "relocated_maps": "inline:{ {user@far.example = new@place.example} }",
        "virtual_transport": "virtual:elsewhere",
    },
    "copies": {
        "always_bcc": "archive@inbox.example",
        "sender_bcc_maps": "inline:{ {me@sender.example = boss@far.example} }",
        "recipient_bcc_maps": "inline:{ {@inbox.example = alice@inbox.example} }",
    },
    "extensions": {
        "recipient_delimiter": "+",
        "virtual_alias_maps": "inline:{ {alice@inbox.example = user@far.example}"
        " {alice+x@inbox.example = bob@inbox.example} }",
        "transport_maps": "inline:{ {user@far.example = relay:[192.0.2.3]} }",
    },
    "many domains of ours": {
        "mydestination": "mx.test.example, inline:{far.example=x}, !inbox.example, inbox.example",
        "local_transport": "smtp:[192.0.2.44]",
    },
    "table that is down": {"transport_maps": "fail:down"},
    "class that is down": {"relay_domains": "fail:down"},
}
ADDRESSES = (
    "alice@inbox.example",
    "bob@inbox.example",
    "nobody@inbox.example",
    "alice+x@inbox.example",
    "alice+y@inbox.example",
    "sales@shop.example",
    "team@shop.example",
    "nobody@shop.example",
    "itself@shop.example",
    "any@catch.example",
    "user@far.example",
    "user@sub.far.example",
    "x@relay.example",
    "x@elsewhere.example",
    "alice",
    "user%far.example@mx.test.example",
    "user@[192.0.2.99]",
    "user@[127.0.0.1]",
    "@bad",
    "far.example!user",
    '"quoted user"@far.example',
)


@pytest.mark.parametrize("name", SETTINGS)
def test_explained_routes_are_those_that_mail_takes(tmp_path: Path, name: str) -> None:
    with Mta(tmp_path, SETTINGS[name]) as mta:
        queue_ids = {
            address: mta.submit(
                SENDER, [address], state=State.MAILDROP, origin="sendmail", uid=os.getuid()
            )
            for address in ADDRESSES
        }
        mta.plan()
        for address, queue_id in queue_ids.items():
            told = mta.run(_explain(mta, address))
            assert _explained(told) == _planned(mta, queue_id), (name, address)
            senders = mta.rows("SELECT sender FROM message WHERE queue_id = ?", queue_id)
            assert senders == [(told.sender,)]


@pytest.mark.parametrize(
    ("settings", "table"),
    [
        ({"canonical_maps": "fail:c"}, "fail:c"),
        ({"virtual_alias_maps": "fail:v", "virtual_alias_domains": ""}, "fail:v"),
        ({"sender_bcc_maps": "fail:b"}, "fail:b"),
        ({"transport_maps": "hash:/nowhere/transport"}, "hash:/nowhere/transport"),
        ({"virtual_mailbox_maps": "fail:m", "virtual_mailbox_domains": "inbox.example"}, "fail:m"),
    ],
)
def test_a_table_that_is_down_leaves_it_undecided_and_is_named(
    tmp_path: Path, settings: dict[str, str], table: str
) -> None:
    with Mta(tmp_path) as mta:
        configuration = mta.configuration.with_settings(settings)
        question = Question("alice@inbox.example", SENDER, dns=False)
        told = mta.run(Inquiry(configuration, question).run())
    assert told.verdict is Verdict.UNDECIDED
    assert table in told.reason


def test_aliases_that_never_end_leave_it_undecided(tmp_path: Path) -> None:
    settings = {
        "virtual_alias_maps": "pcre:{{/^(.*)@x.example/ $${1}a@x.example}}",
        "virtual_alias_domains": "x.example",
    }
    with Mta(tmp_path) as mta:
        configuration = mta.configuration.with_settings(settings)
        told = mta.run(Inquiry(configuration, Question("a@x.example", SENDER, dns=False)).run())
    assert told.verdict is Verdict.UNDECIDED
    assert "unreasonable virtual_alias_maps result" in told.reason


def test_nothing_is_written(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
        mta.run(_explain(mta, "alice@inbox.example"))
        assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


async def _explain(mta: Mta, address: str) -> Explanation:
    return await Inquiry(mta.configuration, Question(address, SENDER, dns=False)).run()


def _explained(told: Explanation) -> set[tuple[str, str, str]]:
    return {
        (one.transport, one.nexthop or "4.3.0 address resolver failure", one.address)
        for one in told.recipients
    }


def _planned(mta: Mta, queue_id: str) -> set[tuple[str, str, str]]:
    rows = mta.rows(
        "SELECT transport, nexthop, delivery_recipient.address"
        "  FROM delivery JOIN delivery_recipient USING (delivery_id)"
        "  JOIN message USING (message_id) WHERE message.queue_id = ?",
        queue_id,
    )
    return set(rows)
