"""Parameters of main.cf become settings, by the program that a service runs."""

import socket
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

import pytest

from spoolmta.agents.smtp.agent import open_agent
from spoolmta.agents.smtp.settings import Settings, lmtp_settings, smtp_settings
from spoolmta.clock import SystemClock
from spoolmta.config.loader import Configuration, from_text
from spoolmta.config.master_cf import Service
from spoolmta.config.parameter import Section
from spoolmta.config.parameters.smtp import LmtpParameters, SmtpParameters
from spoolmta.errors import ConfigError
from spoolmta.maillog import MailLog
from spoolmta.protocols.smtp_client import Phase
from spoolmta.service.context import ServiceContext
from tests.support.smtp_delivery import KeptLines

BASE = "myhostname = client.example\n"


def smtp(main: str = "", overrides: dict[str, str] | None = None) -> Settings:
    return smtp_settings(from_text(BASE + main).section(SmtpParameters, overrides or {}))


def lmtp(main: str = "") -> Settings:
    return lmtp_settings(from_text(BASE + main).section(LmtpParameters))


def test_the_defaults_are_those_of_postfix() -> None:
    found = smtp()
    assert found.dialogue.hello_name == "client.example"
    assert found.connect_timeout == 30
    assert dict(found.dialogue.timeouts) == {
        Phase.GREETING: 300,
        Phase.EHLO: 300,
        Phase.HELO: 300,
        Phase.LHLO: 300,
        Phase.RSET: 20,
        Phase.MAIL: 300,
        Phase.RCPT: 300,
        Phase.DATA: 120,
        Phase.CONTENT: 180,
        Phase.END_OF_DATA: 600,
        Phase.QUIT: 300,
    }
    assert (found.lookup.methods, found.lookup.use_mx) == (("dns",), True)
    assert (found.lookup.address_limit, found.session_limit) == (5, 2)
    assert found.reuse.idle_limit == 2


def test_lmtp_has_parameters_of_its_own() -> None:
    found = lmtp("smtp_mail_timeout = 1s\nlmtp_mail_timeout = 7s\nlmtp_lhlo_name = other.example\n")
    assert found.dialogue.lmtp
    assert found.dialogue.timeouts[Phase.MAIL] == 7
    assert found.dialogue.hello_name == "other.example"
    assert (found.lookup.use_mx, found.lookup.default_service) == (False, "24")
    assert found.connect_timeout == 0
    assert not found.dialogue.skip_quit_response


def test_a_service_may_have_its_own_values() -> None:
    assert smtp(overrides={"smtp_helo_name": "relay.example"}).dialogue.hello_name == (
        "relay.example"
    )


@pytest.mark.parametrize(
    ("main", "methods", "use_mx"),
    [
        ("disable_dns_lookups = yes\n", ("native",), False),
        ("smtp_dns_support_level = disabled\n", ("native",), False),
        ("disable_dns_lookups = yes\nsmtp_dns_support_level = enabled\n", ("dns",), True),
        ("smtp_host_lookup = dns, native\n", ("dns", "native"), True),
    ],
)
def test_how_hosts_are_looked_up(main: str, methods: tuple[str, ...], use_mx: bool) -> None:
    found = smtp(main).lookup
    assert (found.methods, found.use_mx) == (methods, use_mx)


def test_the_only_address_that_receives_is_the_one_to_connect_from() -> None:
    main = "inet_interfaces = 192.0.2.1\ninet_protocols = ipv4\n"
    assert dict(smtp(main).sources) == {socket.AF_INET: "192.0.2.1"}
    assert dict(smtp("inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n").sources) == {}


def test_an_address_to_connect_from_can_be_set() -> None:
    main = "smtp_bind_address = [192.0.2.2]\nsmtp_bind_address6 = 2001:db8::2\n"
    assert dict(smtp(main).sources) == {
        socket.AF_INET: "192.0.2.2",
        socket.AF_INET6: "2001:db8::2",
    }


@pytest.mark.parametrize(
    "main",
    [
        "smtp_bind_address = host.example\n",
        "smtp_bind_address = ::1\n",
        "smtp_host_lookup = hosts\n",
        "known_tcp_ports = smtp\n",
        "inet_protocols = ipv5\n",
        "smtp_connect_timeout = soon\n",
        "smtp_address_preference = ipv5\n",
    ],
)
def test_a_value_that_cannot_be_used_is_refused(main: str) -> None:
    with pytest.raises(ConfigError):
        smtp(main)


def test_both_programs_set_every_group() -> None:
    """A setting that one of the two leaves at its default by mistake would be silent."""
    changed = smtp("smtp_connection_cache_on_demand = no\nsmtp_line_length_limit = 7\n")
    assert not changed.reuse.on_demand
    assert changed.dialogue.line_length_limit == 7
    other = lmtp("lmtp_connection_cache_on_demand = no\nlmtp_line_length_limit = 7\n")
    assert not other.reuse.on_demand
    assert other.dialogue.line_length_limit == 7
    assert {field.name for field in fields(changed)} == {field.name for field in fields(other)}


@dataclass
class Surroundings:
    """What open_agent asks of a service's context."""

    configuration: Configuration
    service: Service
    log: MailLog
    clock: SystemClock

    def section(self, kind: type[Section]) -> Section:
        return self.configuration.section(kind, self.service.overrides)


def opened(command: str, *arguments: str, main: str = "") -> Settings:
    service = Service("any", "unix", command, arguments=arguments)
    log = MailLog(KeptLines(), "postfix/smtp", "client")
    context = Surroundings(from_text(BASE + main), service, log, SystemClock())
    return open_agent(cast("ServiceContext", context)).settings


def test_the_command_decides_which_client_it_is(tmp_path: Path) -> None:
    assert not opened("smtp").dialogue.lmtp
    main = f"queue_directory = {tmp_path}\ndns_nameservers = 127.0.0.1:5353\n"
    assert opened("lmtp", main=main).queue_directory == tmp_path


def test_flags_x_means_the_last_hop() -> None:
    assert opened("lmtp", "flags=DX").flags == {"D", "X"}
    assert opened("lmtp", "-v").flags == set()
    assert opened("lmtp", main="lmtp_assume_final = yes\n").flags == {"X"}


@pytest.mark.parametrize("argument", ["flags=Z", "flags", "nosuch=1"])
def test_an_unknown_argument_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError):
        opened("smtp", argument)
