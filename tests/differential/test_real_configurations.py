"""Configurations of real sites: every line is accounted for, and printed as Postfix prints it.

Meant difference: ours lists the settings of newer releases, which Postfix 3.7 calls unused.
"""

from pathlib import Path

import pytest

from spoolmta.cli.checking.check import findings
from spoolmta.cli.postconf import postconf
from spoolmta.config.accounting import State, accounts
from spoolmta.config.loader import load
from tests.support.oracle import needs_postfix, ours, postfix

SITES = Path(__file__).parents[3] / "shared" / "configs"
pytestmark = pytest.mark.skipif(not SITES.is_dir(), reason="no collection of real configurations")

NEWER = {"smtpd_client_ipv6_prefix_length", "smtpd_hide_client_session"}
STATES = {
    State.IN_FORCE: (
        "myhostname", "mydomain", "myorigin", "mydestination", "mynetworks", "inet_interfaces",
        "inet_protocols", "relayhost", "relay_domains", "alias_maps", "transport_maps",
        "virtual_alias_maps", "virtual_mailbox_domains", "virtual_mailbox_maps",
        "message_size_limit", "mailbox_size_limit", "recipient_delimiter", "smtpd_banner",
        "smtpd_helo_required", "smtpd_recipient_restrictions", "smtpd_relay_restrictions",
        "disable_vrfy_command", "compatibility_level", "maillog_file", "header_checks",
        "append_dot_mydomain", "maximal_queue_lifetime", "biff",
    ),
    State.WITHOUT_MEANING: (
        "hash_queue_depth", "command_directory", "daemon_directory", "data_directory",
        "setgid_group", "readme_directory", "html_directory", "newaliases_path", "sendmail_path",
        "mailq_path", "manpage_directory", "sample_directory",
    ),
    State.NOT_YET: (
        "smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_chain_files",
        "smtp_tls_policy_maps", "smtpd_sasl_path", "smtpd_sasl_type", "smtpd_milters",
        "postscreen_dnsbl_sites", "postscreen_greet_action", "content_filter",
        "smtp_sasl_password_maps", "smtpd_sender_login_maps", "milter_protocol",
        "smtpd_client_message_rate_limit",
    ),
}  # fmt: skip
STATE_OF = {name: state for state, names in STATES.items() for name in names}


def sites() -> list[str]:
    return sorted(p.name for p in SITES.iterdir() if p.is_dir()) if SITES.is_dir() else []


@pytest.mark.parametrize("site", sites())
def test_every_line_of_a_real_site_is_accounted_for(site: str) -> None:
    configuration = load(SITES / site)
    found = accounts(configuration)
    subjects = {account.subject for account in found}
    assert set(configuration.main.values) <= subjects
    assert {service.key for service in configuration.services} <= subjects
    for service in configuration.services:
        assert {f"{service.key}/{n}" for n in service.overrides if n != "service_name"} <= subjects
    assert all(account.reason for account in found if account.state is not State.IN_FORCE)


@pytest.mark.parametrize("site", sites())
def test_well_known_settings_of_a_real_site_have_their_state(site: str) -> None:
    configuration = load(SITES / site)
    values = configuration.main.values
    asked = {a.subject: a.state for a in accounts(configuration) if values.get(a.subject)}
    known = asked.keys() & STATE_OF.keys()
    assert len(known) > 5
    assert {name: asked[name] for name in known} == {name: STATE_OF[name] for name in known}


@pytest.mark.parametrize("site", sites())
def test_check_reads_a_real_site_to_its_end(site: str) -> None:
    assert findings(str(SITES / site))


@needs_postfix
@pytest.mark.parametrize("mode", ["-n", "-nf", "-M", "-Mf", "-P", "-F"])
@pytest.mark.parametrize("site", sites())
def test_a_real_site_is_printed_as_postfix_prints_it(site: str, mode: str) -> None:
    folder = str(SITES / site)
    expected = postfix("postconf", "-c", folder, mode)
    found = ours(postconf.main, "postconf", "-c", folder, mode)
    lines = [line for line in found.out.split("\n") if line.partition(" =")[0] not in NEWER]
    assert (found.status, "\n".join(lines)) == (expected.status, expected.out)
