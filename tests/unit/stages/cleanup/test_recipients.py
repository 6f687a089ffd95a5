"""Recipients: rewritten, copied, expanded, each one once."""

import pytest

from spoolmta.config.loader import from_text
from spoolmta.maillog import MailLog
from spoolmta.message.envelope import Notify, Recipient
from spoolmta.stages.cleanup.rules import CleanupRules
from spoolmta.stages.cleanup.verdict import Verdict
from tests.unit.stages.cleanup.conftest import Clean

ALIASES = {
    "virtual_alias_maps": "inline:{va@example.test=a@example.test, vb@example.test=va@example.test,"
    " {list@example.test = a@example.test, b@example.test, joe}}"
}
MAIL = b"Subject: x\r\n\r\n"


def test_addresses_are_completed_and_the_original_is_kept(clean: Clean) -> None:
    (recipient,) = clean(MAIL, ["joe"]).result.recipients
    assert recipient == Recipient("joe@mail.example.test", "joe")


def test_the_null_address_has_a_recipient(clean: Clean) -> None:
    assert clean(MAIL, [""]).addresses == ["MAILER-DAEMON@mail.example.test"]


def test_the_same_mailbox_by_two_originals_gets_two_copies(clean: Clean) -> None:
    done = clean(
        MAIL,
        ["vb@example.test", "va@example.test", "a@example.test", "VB@example.test"],
        settings=ALIASES,
    )
    assert [(r.address, r.original) for r in done.result.recipients] == [
        ("a@example.test", "vb@example.test"),
        ("a@example.test", "va@example.test"),
        ("a@example.test", "a@example.test"),
    ]


def test_without_originals_the_same_mailbox_gets_one_copy(clean: Clean) -> None:
    done = clean(
        MAIL,
        ["vb@example.test", "va@example.test", "A@example.test"],
        settings={**ALIASES, "enable_original_recipient": "no"},
    )
    assert done.addresses == ["a@example.test"]


def test_other_wishes_are_another_recipient(clean: Clean) -> None:
    people = [
        Recipient("a@x.test", "a@x.test"),
        Recipient("a@x.test", "a@x.test", "", Notify.NEVER),
    ]
    assert len(clean(MAIL, people).result.recipients) == 2


def test_the_duplicate_filter_has_a_limit(clean: Clean) -> None:
    people = ["a@x.test", "b@x.test", "a@x.test", "b@x.test"]
    done = clean(MAIL, people, settings={"duplicate_filter_limit": "1"})
    assert done.addresses == ["a@x.test", "b@x.test", "b@x.test"]


def test_an_alias_keeps_the_wishes_of_its_recipient(clean: Clean) -> None:
    person = Recipient("list@example.test", "list@example.test", "rfc822;l@x", Notify.FAILURE)
    done = clean(MAIL, [person], settings=ALIASES)
    assert done.addresses == ["a@example.test", "b@example.test", "joe@mail.example.test"]
    assert {(r.original, r.orcpt, r.notify) for r in done.result.recipients} == {
        ("list@example.test", "rfc822;l@x", Notify.FAILURE)
    }


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (Notify.SUCCESS, Notify.NEVER),
        (Notify.SUCCESS | Notify.FAILURE, Notify.FAILURE),
        (Notify.SUCCESS | Notify.FAILURE | Notify.DELAY, Notify.FAILURE | Notify.DELAY),
    ],
)
def test_who_asked_for_a_success_is_told_of_the_expansion_alone(
    clean: Clean, asked: Notify, left: Notify
) -> None:
    person = Recipient("list@example.test", "list@example.test", notify=asked)
    done = clean(MAIL, [person], settings=ALIASES)
    expanded, *members = done.result.recipients
    assert (expanded.address, expanded.was_expanded) == ("list@example.test", True)
    assert expanded.notify == asked
    assert [(member.notify, member.was_expanded) for member in members] == [(left, False)] * 3


@pytest.mark.parametrize(
    ("aliases", "reply", "said"),
    [
        (
            "pcre:{{/^loop@x/ loop2@x.test} {/^loop2/ loop@x.test}}",
            "451 4.6.0 Alias expansion error",
            "unreasonable virtual_alias_maps map nesting for loop@x.test",
        ),
        (
            "inline:{{loop@x.test=a@z.test, b@z.test, c@z.test}}",
            "451 4.6.0 Alias expansion error",
            "unreasonable virtual_alias_maps map expansion size for loop@x.test",
        ),
        (
            "inline:{{loop@x.test=a-name-that-is-long@z.test}}",
            "451 4.6.0 Alias expansion error",
            "unreasonable virtual_alias_maps result a-name-that-is-long@z.test...",
        ),
        (
            "fail:down",
            "451 4.3.0 Error: queue file write error",
            "virtual_alias_maps map lookup problem for loop@x.test",
        ),
    ],
)
def test_aliases_without_an_end_or_an_answer_make_the_whole_message_wait(
    clean: Clean, aliases: str, reply: str, said: str
) -> None:
    limits = {
        "virtual_alias_recursion_limit": "20",
        "virtual_alias_expansion_limit": "2",
        "virtual_alias_address_length_limit": "20",
    }
    done = clean(
        MAIL, ["loop@x.test", "b@x.test"], settings={"virtual_alias_maps": aliases, **limits}
    )
    assert (done.result.verdict, done.result.reply) == (Verdict.DEFER, reply)
    assert done.result.recipients == ()
    assert f"{said} -- message not accepted, try again later\n" in done.log


def test_an_alias_of_itself_is_not_expanded(clean: Clean) -> None:
    person = Recipient("me@example.test", "me@example.test", notify=Notify.SUCCESS)
    alias = {"virtual_alias_maps": "inline:{me@example.test=me@example.test}"}
    assert clean(MAIL, [person], settings=alias).result.recipients == (person,)


COPIES = {
    "always_bcc": "all",
    "sender_bcc_maps": "inline:{a@b.test=by-sender@x.test}",
    "recipient_bcc_maps": "inline:{@example.test=by-recipient@x.test}",
}


def test_copies_go_to_whom_sender_and_recipients_say(clean: Clean) -> None:
    done = clean(MAIL, settings=COPIES)
    assert done.addresses == [
        "r@example.test",
        "by-sender@x.test",
        "by-recipient@x.test",
        "all@mail.example.test",
    ]
    assert {r.notify for r in done.result.recipients[1:]} == {Notify.NEVER}


@pytest.mark.parametrize(
    ("more", "given"),
    [({}, {"origin": "bounce"}), ({"receive_override_options": "no_address_mappings"}, {})],
)
def test_there_are_mails_without_copies(
    clean: Clean, more: dict[str, str], given: dict[str, str]
) -> None:
    assert clean(MAIL, settings={**COPIES, **more}, **given).addresses == ["r@example.test"]


def test_aliases_can_be_switched_off_for_a_service(clean: Clean) -> None:
    settings = {**ALIASES, "receive_override_options": "no_address_mappings"}
    assert clean(MAIL, ["va@example.test"], settings=settings).addresses == ["va@example.test"]


def test_cleanup_service_name_says_whose_options_count() -> None:
    master = "sub-cleanup unix n - n - 0 cleanup -o always_bcc=b@x.test\n"
    configuration = from_text("myhostname = m.example\n", master)
    log = MailLog.open(configuration, "cleanup", command=True)
    plain = CleanupRules.open(configuration, log)
    other = CleanupRules.open(configuration, log, {"cleanup_service_name": "sub-cleanup"})
    assert (plain.parameters.always_bcc, other.parameters.always_bcc) == ("", "b@x.test")


def test_canonical_maps_replace_recipients_before_aliases(clean: Clean) -> None:
    settings = {**ALIASES, "canonical_maps": "inline:{old@example.test=va@example.test}"}
    assert clean(MAIL, ["old@example.test"], settings=settings).addresses == ["a@example.test"]


def test_canonical_maps_replace_the_sender(clean: Clean) -> None:
    settings = {"sender_canonical_maps": "inline:{s@example.test=new@example.test}"}
    done = clean(MAIL, ["joe"], settings=settings, sender="s@example.test")
    assert done.result.sender == "new@example.test"
