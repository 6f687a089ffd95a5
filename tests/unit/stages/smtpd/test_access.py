import pytest

from spoolmta.stages.smtpd.restrictions.access import fix_status, parse_action
from spoolmta.stages.smtpd.restrictions.request import Subject, with_class_of


@pytest.mark.parametrize(
    ("value", "action", "text"),
    [
        ("OK", "OK", ""),
        ("ok", "OK", ""),
        ("12345", "OK", ""),
        ("550", "OK", ""),
        ("550 go away", "550", "go away"),
        ("450 4.2.1  wait", "450", "4.2.1  wait"),
        ("REJECT", "REJECT", ""),
        ("reject not you", "REJECT", "not you"),
        ("DEFER_IF_PERMIT x", "DEFER_IF_PERMIT", "x"),
        ("HOLD", "HOLD", ""),
        ("PREPEND X-Foo: bar", "PREPEND", "X-Foo: bar"),
        ("reject_unauth_destination", "", "reject_unauth_destination"),
        ("200 foo", "", "200 foo"),
        ("5504 foo", "", "5504 foo"),
        ("HOLD, reject", "", "HOLD, reject"),
    ],
)
def test_a_result_is_an_action_or_a_list_of_restrictions(value, action, text):
    assert parse_action(value) == (action, text)


@pytest.mark.parametrize(
    ("dsn", "subject", "fixed"),
    [
        ("5.1.1", Subject.SENDER, "5.1.7"),
        ("5.1.2", Subject.SENDER, "5.1.8"),
        ("5.1.10", Subject.SENDER, "5.1.0"),
        ("5.1.8", Subject.RECIPIENT, "5.1.2"),
        ("5.1.6", Subject.RECIPIENT, "5.1.6"),
        ("5.1.1", Subject.CLIENT, "5.0.0"),
        ("5.7.1", Subject.CLIENT, "5.7.1"),
        ("5.7.1", Subject.SENDER, "5.7.1"),
    ],
)
def test_a_status_fits_what_is_refused(dsn, subject, fixed):
    assert fix_status(dsn, subject) == fixed


def test_a_status_has_the_class_of_the_code():
    assert with_class_of("5.7.1", 450) == "4.7.1"
