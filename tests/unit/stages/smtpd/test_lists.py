import pytest

from spoolmta.config.loader import from_text
from spoolmta.config.parameters.smtpd import AccessParameters
from spoolmta.errors import ConfigError
from spoolmta.stages.smtpd.restrictions.lists import RestrictionLists
from spoolmta.stages.smtpd.restrictions.request import Subject


def lists(**settings):
    values = {"compatibility_level": "3.11", "myhostname": "mx.example.test", **settings}
    text = "".join(f"{name} = {value}\n" for name, value in values.items())
    configuration = from_text(text, "smtp inet n - n - - smtpd\n")
    return RestrictionLists(configuration.section(AccessParameters), configuration.value)


def names(asked):
    return [restriction.name for _, restrictions in asked for restriction in restrictions]


def test_relay_restrictions_come_before_recipient_restrictions():
    asked = lists(smtpd_recipient_restrictions="reject").at_rcpt
    assert names(asked) == [
        "permit_mynetworks",
        "permit_sasl_authenticated",
        "defer_unauth_destination",
        "reject",
    ]


def test_a_site_of_before_36_has_it_the_other_way_round():
    asked = lists(smtpd_recipient_restrictions="reject", compatibility_level="2").at_rcpt
    assert names(asked)[0] == "reject"


def test_delayed_lists_wait_for_the_recipient():
    made = lists(
        smtpd_client_restrictions="permit",
        smtpd_helo_restrictions="reject_invalid_helo_hostname",
        smtpd_sender_restrictions="reject_non_fqdn_sender",
    )
    assert made.at_connect == made.at_hello == made.at_mail == ()
    assert names(made.at_rcpt)[:3] == [
        "permit",
        "reject_invalid_helo_hostname",
        "reject_non_fqdn_sender",
    ]


def test_lists_that_are_not_delayed_are_asked_at_their_command():
    made = lists(
        smtpd_delay_reject="no",
        smtpd_client_restrictions="permit",
        smtpd_helo_restrictions="reject",
        smtpd_sender_restrictions="reject_non_fqdn_sender",
        smtpd_reject_unlisted_sender="yes",
    )
    assert names(made.at_connect) == ["permit"]
    assert names(made.at_hello) == ["reject"]
    assert names(made.at_mail) == ["reject_non_fqdn_sender", "reject_unlisted_sender"]
    assert "permit" not in names(made.at_rcpt)


def test_empty_lists_are_not_asked():
    assert [subject for subject, _ in lists().at_rcpt] == [Subject.RECIPIENT]
    assert lists().at_data == ()


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (
            {"smtpd_client_restrictions": "permit_mynetwork"},
            'smtpd_client_restrictions: unknown smtpd restriction: "permit_mynetwork"',
        ),
        (
            {"smtpd_sender_restrictions": "check_sender_access"},
            'restriction check_sender_access: bad argument "": need maptype:mapname',
        ),
        (
            {"smtpd_sender_restrictions": "check_sender_access nosuch:x"},
            "smtpd_sender_restrictions: check_sender_access: ",
        ),
        ({"smtpd_data_restrictions": "static:x"}, 'unknown smtpd restriction: "static:x"'),
        ({"smtpd_helo_restrictions": "sleep long"}, 'sleep "long": expected seconds'),
        (
            {
                "smtpd_restriction_classes": "self",
                "self": "self",
                "smtpd_helo_restrictions": "self",
            },
            "restriction class self contains itself",
        ),
    ],
)
def test_a_list_that_cannot_be_understood_stops_the_start(settings, error):
    with pytest.raises(ConfigError) as raised:
        lists(**settings)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"smtpd_relay_restrictions": ""},
        {"smtpd_relay_restrictions": "permit_mynetworks"},
        {"smtpd_relay_restrictions": "permit, reject"},
        {"smtpd_relay_restrictions": "warn_if_reject reject_unauth_destination"},
        {"smtpd_relay_restrictions": "check_client_access static:OK"},
    ],
)
def test_a_site_must_not_be_an_open_relay_by_mistake(settings):
    with pytest.raises(ConfigError, match="specify at least one working instance of"):
        lists(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"},
        {"smtpd_relay_restrictions": "", "smtpd_recipient_restrictions": "reject"},
        {"smtpd_relay_restrictions": "permit_mynetworks, defer_if_permit"},
        {
            "smtpd_relay_restrictions": "closed",
            "smtpd_restriction_classes": "closed",
            "closed": "permit_mynetworks, reject_unauth_destination",
        },
    ],
)
def test_any_guard_is_enough(settings):
    assert lists(**settings).at_rcpt


def test_old_names_are_known():
    old = "reject_unknown_client, reject_invalid_hostname, reject_unknown_address"
    assert len(names(lists(smtpd_helo_restrictions=old).at_rcpt)) == 6


def test_an_access_result_may_list_restrictions_but_no_tables():
    made = lists()
    assert names([(None, made.parse_result("reject_unauth_destination, permit"))]) == [
        "reject_unauth_destination",
        "permit",
    ]
    with pytest.raises(ConfigError, match="define a restriction class"):
        made.parse_result("check_client_access static:OK")
