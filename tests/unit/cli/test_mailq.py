"""The columns of mailq, compared with what Postfix 3.7 prints."""

import pytest

from spoolmta.cli.queue_tools.mailq import LONG, SHORT, json_line, listing
from spoolmta.protocols.showq import ListedMessage, ListedRecipient

REFUSED = "connect to 127.0.0.1[127.0.0.1]:1: Connection refused"
REFUSED_2 = "connect to 127.0.0.1[127.0.0.1]:2: Connection refused"
LONG_REASON = (
    "a very long reason that goes on and on and on until it is far beyond the seventy-six"
    " columns of the listing"
)


pytestmark = pytest.mark.usefixtures("utc")


def message(**changed: object) -> ListedMessage:
    values: dict[str, object] = {
        "queue_name": "deferred",
        "queue_id": "1139321242D",
        "arrived_at": 1795533859,
        "size": 423,
        "sender": "alice@a.example",
        "recipients": (ListedRecipient("u1@refused.example", REFUSED),),
    }
    return ListedMessage(**{**values, **changed})  # type: ignore[arg-type]


def test_an_empty_queue_is_one_line() -> None:
    assert list(listing([], SHORT)) == ["Mail queue is empty"]


def test_short_queue_ids_have_their_columns() -> None:
    assert list(listing([message()], SHORT)) == [
        "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------",
        "1139321242D     423 Tue Nov 24 15:24:19  alice@a.example",
        "                       (connect to 127.0.0.1[127.0.0.1]:1: Connection refused)",
        "                                         u1@refused.example",
        "",
        "-- 0 Kbytes in 1 Request.",
    ]


def test_long_queue_ids_have_other_columns() -> None:
    long = message(
        queue_id="4jYms63QPrzJLs0",
        size=1501,
        arrived_at=1795534058,
        sender="MAILER-DAEMON",
        recipients=(ListedRecipient("ok2@longreason.example", LONG_REASON),),
    )
    assert list(listing([long], LONG)) == [
        "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------",
        "4jYms63QPrzJLs0       1501 Tue Nov 24 15:27:38 MAILER-DAEMON",
        f"({LONG_REASON})",
        "                                               ok2@longreason.example",
        "",
        "-- 1 Kbytes in 1 Request.",
    ]


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"queue_name": "active"}, "*"),
        ({"queue_name": "hold"}, "!"),
        ({"forced_expire": True}, "#"),
    ],
    ids=["active", "held", "forced to expire"],
)
def test_a_flag_follows_the_queue_id(changed: dict[str, object], flag: str) -> None:
    assert list(listing([message(**changed)], SHORT))[1] == (
        f"1139321242D{flag}     423 Tue Nov 24 15:24:19  alice@a.example"
    )


def test_a_reason_is_said_once_for_a_run_of_recipients() -> None:
    recipients = (
        ListedRecipient("u1@x.example", REFUSED),
        ListedRecipient("u2@x.example", REFUSED),
        ListedRecipient("u3@x.example", REFUSED_2),
        ListedRecipient("u4@x.example", REFUSED),
        ListedRecipient("u5@x.example"),
    )
    lines = [line.strip() for line in listing([message(recipients=recipients)], SHORT)][2:8]
    assert lines == [
        f"({REFUSED})",
        "u1@x.example",
        "u2@x.example",
        f"({REFUSED_2})",
        "u3@x.example",
        f"({REFUSED})",
    ]


def test_an_empty_line_is_between_messages_and_before_the_total() -> None:
    lines = list(listing([message(recipients=(), size=800)] * 2, SHORT))
    assert [bool(line) for line in lines] == [True, True, False, True, False, True]
    assert lines[-1] == "-- 1 Kbytes in 2 Requests."


def test_a_day_of_one_digit_keeps_the_columns() -> None:
    line = list(listing([message(arrived_at=1793577600)], SHORT))[1]
    assert line == "1139321242D     423 Mon Nov  2 00:00:00  alice@a.example"


def test_a_terminal_is_not_commanded_by_a_reason() -> None:
    recipients = (ListedRecipient("a\x1b[2J@x.example", "550 \x1b]0;title\x07"),)
    assert "\x1b" not in "".join(listing([message(recipients=recipients)], SHORT))


def test_json_is_one_object_a_line_with_postfix_names() -> None:
    recipients = (ListedRecipient('"q r"@x.example', REFUSED), ListedRecipient("ü@x.example"))
    assert json_line(message(recipients=recipients)) == (
        '{"queue_name": "deferred", "queue_id": "1139321242D", "arrival_time": 1795533859,'
        ' "message_size": 423, "forced_expire": false, "sender": "alice@a.example",'
        ' "recipients": [{"address": "\\"q r\\"@x.example",'
        f' "delay_reason": "{REFUSED}"}}, {{"address": "ü@x.example"}}]}}'
    )
