"""postcat prints the records that Postfix 3.7 prints."""

import time

import pytest

from spoolmta.cli.queue_tools.postcat import main
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.spool.queues import State
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run

HEADER = "From: a@news.example\nSubject: hello\n\tthere\n"
BODY = "\nfirst line\n.\nlast line\n"


pytestmark = pytest.mark.usefixtures("utc")


def test_all_records_of_a_message_that_came_by_smtp(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["deferred"]
    arrived = time.ctime(sample.start + 60)
    ended = run(main, "-c", sample.configuration, "-q", queue_id)
    assert ended.status == 0
    assert ended.out == (
        f"*** ENVELOPE RECORDS deferred/{queue_id} ***\n"
        "message_size:              74             761               2              16"
        "              74               0\n"
        f"message_arrival_time: {arrived}\n"
        f"create_time: {arrived}\n"
        f"named_attribute: log_ident={queue_id}\n"
        "named_attribute: envelope_id=QQ314\n"
        "named_attribute: ret_flags=2\n"
        "sender: a@news.example\n"
        "named_attribute: log_client_name=client.example\n"
        "named_attribute: log_client_address=192.0.2.1\n"
        "named_attribute: log_client_port=4711\n"
        "named_attribute: log_message_origin=client.example[192.0.2.1]\n"
        "named_attribute: log_helo_name=client.example\n"
        "named_attribute: log_protocol_name=ESMTP\n"
        "named_attribute: client_name=client.example\n"
        "named_attribute: reverse_client_name=client.example\n"
        "named_attribute: client_address=192.0.2.1\n"
        "named_attribute: client_port=4711\n"
        "named_attribute: helo_name=client.example\n"
        "named_attribute: protocol_name=ESMTP\n"
        "named_attribute: client_address_type=2\n"
        "named_attribute: notify_flags=8\n"
        "named_attribute: dsn_orig_rcpt=rfc822;robert@slow.example\n"
        "original_recipient: robert@slow.example\n"
        "recipient: bob@slow.example\n"
        "named_attribute: dsn_orig_rcpt=rfc822;alice@inbox.example\n"
        "original_recipient: alice@inbox.example\n"
        "done_recipient: alice@inbox.example\n"
        f"*** MESSAGE CONTENTS deferred/{queue_id} ***\n"
        f"{HEADER}{BODY}"
        f"*** HEADER EXTRACTED deferred/{queue_id} ***\n"
        f"*** MESSAGE FILE END deferred/{queue_id} ***\n"
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [("-bq", BODY), ("-hq", HEADER), ("-bhq", HEADER + BODY)],
    ids=["body", "header", "both"],
)
def test_parts_come_without_headings(
    sample: SampleSpool, run: Run, options: str, shown: str
) -> None:
    assert run(main, "-c", sample.configuration, options, sample.ids["hold"]).out == shown


def test_the_envelope_alone_has_all_headings_and_no_content(sample: SampleSpool, run: Run) -> None:
    lines = run(main, "-c", sample.configuration, "-eq", sample.ids["maildrop"]).out.split("\n")
    assert "sender_fullname: Root" in lines
    assert "named_attribute: rewrite_context=local" in lines
    assert [line.split(" maildrop/")[0] for line in lines if line.startswith("***")] == [
        "*** ENVELOPE RECORDS",
        "*** MESSAGE CONTENTS",
        "*** HEADER EXTRACTED",
        "*** MESSAGE FILE END",
    ]
    assert "first line" not in lines


def test_record_types_are_shown_as_numbers(sample: SampleSpool, run: Run) -> None:
    lines = run(main, "-c", sample.configuration, "-dq", sample.ids["hold"]).out.split("\n")
    assert " 83 sender: spam@bad.example" in lines
    assert " 82 recipient: f@y.example" in lines
    assert " 78 Subject: hello" in lines
    assert lines[0] == f"*** ENVELOPE RECORDS hold/{sample.ids['hold']} ***"


def test_a_path_that_ends_in_a_queue_id_is_understood(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["hold"]
    ended = run(main, "-c", sample.configuration, f"/var/spool/postfix/hold/{queue_id}")
    assert ended.out.startswith(f"*** ENVELOPE RECORDS hold/{queue_id} ***\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-q", "NOSUCH"], "postcat: fatal: open queue file NOSUCH: No such file or directory\n"),
        (["nosuch"], "postcat: fatal: open nosuch: No such file or directory\n"),
        (["-q", "bad/id"], "postcat: fatal: bad mail queue ID: bad/id\n"),
    ],
    ids=["unknown id", "unknown file", "bad id"],
)
def test_what_is_not_there_is_fatal(
    sample: SampleSpool, run: Run, arguments: list[str], said: str
) -> None:
    ended = run(main, "-c", sample.configuration, *arguments)
    assert (ended.status, ended.err) == (1, said)


def test_an_unknown_option_is_named(run: Run) -> None:
    ended = run(main, "-x")
    assert ended.status == 1
    assert ended.err.startswith("postcat: invalid option -- 'x'\npostcat: fatal: usage: postcat")


def test_offsets_are_where_the_records_would_stand(sample: SampleSpool, run: Run) -> None:
    lines = run(main, "-c", sample.configuration, "-odq", sample.ids["hold"]).out.split("\n")
    assert lines[1].startswith("        0  67 message_size: ")
    begins_at = int(lines[1].split()[4])
    (text,) = [line for line in lines if line.endswith(" 78 Subject: hello")]
    assert int(text[:9]) == begins_at + len("NLFrom: a@news.example")


def test_long_lines_are_records_of_several_pieces(sample: SampleSpool, run: Run) -> None:
    local = Envelope("root", (Recipient("g@y.example"),), "sendmail", uid=0)
    sample.enqueue("long", State.MAILDROP, local, content=b"\r\n" + b"x" * 5000 + b"\r\n")
    queue_id = sample.ids["long"]
    lines = run(main, "-c", sample.configuration, "-vbq", queue_id).out.split("\n")
    assert lines == [
        "regular_text: ",
        f"unterminated_text: {'x' * 2048}",
        f"unterminated_text: {'x' * 2048}",
        f"regular_text: {'x' * 904}",
        "",
    ]
    assert run(main, "-c", sample.configuration, "-bq", queue_id).out == f"\n{'x' * 5000}\n"
