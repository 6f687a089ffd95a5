"""The guard against being an open relay, tried with addresses that look for a way around it."""

import itertools

import uvloop

from spoolmta.address.resolve import AddressClass, Routing, resolve
from spoolmta.config.parameters.address import RoutingParameters
from tests.dialogs.smtpd import Smtpd

OURS = ("localhost", "mx.example.test", "relay.test", "inbox.test", "alias.test", "[127.0.0.1]")
THEIRS = ("elsewhere.test", "[192.0.2.1]", "[IPv6:2001:db8::1]")
SHAPES = (
    "a@{their}",
    "a%{their}@{our}",
    "a%{their}%{our}",
    "a%{our}@{their}",
    "{their}!a@{our}",
    "{our}!{their}!a",
    "@{our}:a@{their}",
    "@{our},@{our}:a@{their}",
    '"a@{their}"@{our}',
    '"a%{their}"@{our}',
    "a@{their}@{our}",
    "a\\@{their}@{our}",
    "a%{their}%{our}@{our}",
    "{our}!a%{their}@{our}",
    "a@{their}.",
    "a@{their}%{our}",
    '"@{our}:a@{their}"@{our}',
    "a%{their}",
    "{their}!a",
    "<a@{their}>",
    "a(x)@{their}",
    "a@{our} ,b@{their}",
)
SETTINGS = {
    "mynetworks": "192.0.2.0/24",
    "local_recipient_maps": "",
    "relay_recipient_maps": "",
    "smtpd_reject_unlisted_recipient": "no",
    "smtpd_recipient_limit": "100000",
    "smtpd_hard_error_limit": "100000",
    "smtpd_soft_error_limit": "100000",
}


def test_strangers_cannot_make_mail_go_elsewhere(tmp_path):
    addresses = [
        shape.format(our=our, their=their)
        for shape, our, their in itertools.product(SHAPES, OURS, THEIRS)
    ]
    with Smtpd(tmp_path, SETTINGS) as smtpd, smtpd.connect() as client:
        client.ask("EHLO client.example")
        client.ask("MAIL FROM:<a@b.test>")
        replies = [client.ask(f"RCPT TO:<{address}>") for address in addresses]
        assert any("Relay access denied" in reply for reply in replies)
        assert client.ask("RCPT TO:<a@relay.test>") == "250 2.1.5 Ok"
        client.ask("DATA")
        assert "queued as" in client.ask(".")
        taken = [row[0] for row in smtpd.rows("SELECT address FROM recipient")]
    routing = Routing.open(smtpd.configuration.section(RoutingParameters))
    for address in taken:
        resolution = uvloop.run(resolve(address, sender="", routing=routing))
        assert resolution.address_class is not AddressClass.DEFAULT, address
        assert not resolution.routed, address
