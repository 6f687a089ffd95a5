"""The forms in which the configuration names a server."""

import pytest

from spoolmta.errors import ConfigError
from spoolmta.net.endpoint import Endpoint, parse_endpoint, parse_known_ports, port_number

KNOWN = parse_known_ports("lmtp=24, smtp=25, smtps=submissions=465")


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("mx.example", Endpoint("mx.example", 25)),
        ("mx.example:2525", Endpoint("mx.example", 2525)),
        ("mx.example:submissions", Endpoint("mx.example", 465)),
        ("[mx.example]", Endpoint("mx.example", 25, literal=True)),
        ("[::1]:26", Endpoint("::1", 26, literal=True)),
        ("inet:[192.0.2.1]:24", Endpoint("192.0.2.1", 24, literal=True)),
        ("inet:localhost:10025", Endpoint("localhost", 10025)),
        ("unix:private/lmtp", Endpoint(path="private/lmtp")),
    ],
)
def test_each_form_is_read(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text, default_service="smtp", known_ports=KNOWN) == endpoint


@pytest.mark.parametrize(
    "text", ["", ":25", "a:b:c", "[mx", "[]:25", "[mx]25", "mx:0", "mx:65536", "mx:nosuch", "unix:"]
)
def test_what_names_no_server_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_endpoint(text, default_service="smtp", known_ports=KNOWN)


def test_a_service_that_is_not_in_the_table_comes_from_the_system() -> None:
    assert port_number("smtp") == 25


@pytest.mark.parametrize("text", ["smtp", "smtp=", "=25", "smtp=x", "smtp=99999"])
def test_a_bad_table_of_ports_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_known_ports(text)
