"""The default of every parameter: what `postconf -d` of Debian's Postfix 3.7.11 prints.

Meant differences stand in the two tables below, each with its reason. A row that is no difference
any more fails, too. Beside them:
- myhostname = a.$mydomain without mydomain: Postfix ends the name with a dot;
- addresses in inet_interfaces that no interface has: Postfix ends, ours leaves them out;
- the words of mynetworks_style may be in capitals, and "all" may stand among other addresses.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from spoolmta.cli.postconf import postconf
from spoolmta.config import catalogue
from spoolmta.config.computed import COMPUTED
from tests.support.oracle import needs_postfix, ours, postfix

pytestmark = needs_postfix

RESTS = {
    "3.8": (
        "allow_srv_lookup_fallback", "ignore_srv_lookup_error", "smtpd_client_ipv4_prefix_length",
        "smtpd_client_ipv6_prefix_length", "tls_ffdhe_auto_groups", "use_srv_lookup",
    ),
    "3.9": (
        "force_mime_input_conversion", "lmtp_sasl_password_result_delimiter",
        "lmtp_tls_enable_rpk", "maillog_file_permissions", "smtp_sasl_password_result_delimiter",
        "smtp_tls_enable_rpk", "smtpd_tls_enable_rpk", "tlsproxy_tls_enable_rpk",
    ),
    "3.10": (
        "full_name_encoding_charset", "lmtp_tls_enforce_sts_mx_patterns", "lmtp_tlsrpt_enable",
        "lmtp_tlsrpt_skip_reused_handshakes", "lmtp_tlsrpt_socket_name",
        "smtp_tls_enforce_sts_mx_patterns", "smtp_tlsrpt_enable",
        "smtp_tlsrpt_skip_reused_handshakes", "smtp_tlsrpt_socket_name",
        "smtpd_hide_client_session", "socketmap_max_reply_size", "tls_required_enable",
    ),
    "3.11": (
        "default_cache_db_type", "lmtp_log_tls_feature_status", "lmtp_requiretls_policy",
        "non_bdb_custom_mapping", "non_bdb_migration_allow_root_prefixes",
        "non_bdb_migration_allow_user_prefixes", "non_bdb_migration_level",
        "non_bdb_migration_log_redirect", "non_bdb_migration_service_name",
        "non_empty_end_of_header_action", "relocated_prefix_enable", "requiretls_enable",
        "requiretls_esmtp_header", "requiretls_redact_dsn", "smtp_log_tls_feature_status",
        "smtp_requiretls_policy", "smtpd_reject_filter_maps",
    ),
    "spoolmta": (
        "default_destination_slowdown_limit",
        "destination_grouping",
        "dns_nameservers",
        "drain_time_limit",
        "history_lifetime",
        "history_size_limit",
        "trash_lifetime",
        "trash_size_limit",
    ),
    "before 3.7, and still read": ("extract_recipient_limit",),
}  # fmt: skip
ONLY_OURS = {name: release for release, names in RESTS.items() for name in names}
"""What 3.7.11 does not know, with the release that does."""

FOLDER = "a folder of Debian's build"
CIPHERS = "3.8 and 3.9: no weak ciphers"
DIFFERING: Mapping[str, str] = {
    "address_verify_map": "3.11: $default_cache_db_type",
    "alias_database": "3.11: $default_database_type",
    "alias_maps": "3.11: $default_database_type; there is no NIS here",
    "config_directory": "no folder is built in: it is the one that is asked about",
    "daemon_directory": FOLDER,
    "html_directory": FOLDER,
    "import_environment": "3.11: XDG_RUNTIME_DIR",
    "mail_release_date": "the release that ours behaves like",
    "mail_version": "the release that ours behaves like",
    "manpage_directory": FOLDER,
    "meta_directory": FOLDER,
    "milter_default_action": "3.11: shutdown",
    "postscreen_cache_map": "3.11: $default_cache_db_type",
    "process_id": "two processes",
    "proxy_read_maps": "3.11: more lists",
    "readme_directory": FOLDER,
    "shlib_directory": FOLDER,
    "smtp_tls_dane_insecure_mx_policy": "3.11: dane",
    "smtp_tls_security_level": "3.11: may, by compatibility_level",
    "smtpd_forbid_bare_newline": "3.9: normalize",
    "smtpd_forbid_unauth_pipelining": "3.9: yes",
    "tls_eecdh_auto_curves": "3.11: what the library prefers",
    "tls_export_cipherlist": CIPHERS,
    "tls_high_cipherlist": CIPHERS,
    "tls_legacy_public_key_fingerprints": "3.11 has it no more",
    "tls_low_cipherlist": CIPHERS,
    "tls_medium_cipherlist": CIPHERS,
    "tls_null_cipherlist": CIPHERS,
    "tlsproxy_client_policy_maps": "3.11: said another way",
    "tlsproxy_client_security_level": "3.11: said another way",
}

MASTER = """\
smtp       inet n - n - - smtpd
smtp       unix - - n - - smtp
slow       unix - - n - 2 smtp -o smtp_helo_timeout=5
over-lmtp  unix - - n - - lmtp
dovecot    unix - n n - - pipe flags=DRhu user=nobody argv=/bin/true
policy     unix - n n - 0 spawn user=nobody argv=/bin/true
filter     inet n n n - 0 spawn user=nobody argv=/bin/true
own        unix - n n - - local
boxes      unix - n n - - virtual
never      unix - - n - - error
away       unix - - n - - discard
sixteen.1  unix - - n - - smtp
cleanup    unix n - n - 0 cleanup
tricky     unix - - n - - /usr/lib/postfix/sbin/smtp
old        fifo n - n - - smtp
passed     pass n - n - - spawn user=nobody argv=/bin/true
"""
LEVELS = ("", "0", "1", "2", "3", "3.5", "3.6", "3.6.1", "3.7", "3.10", "9")
BY_LEVEL = sorted(n for n, d in catalogue.known().items() if "$compatibility_level}" in d)


OF_THE_MACHINE = ("myhostname", "mydomain", "mynetworks", "myorigin", "mydestination")
MAINS = (
    "", "mynetworks_style = host", "mynetworks_style = class", "mynetworks_style = subnet",
    "compatibility_level = 2", "inet_interfaces = loopback-only", "inet_interfaces = 127.0.0.1",
    "inet_interfaces = 127.0.0.1, [::1]", "inet_interfaces = localhost", "inet_interfaces =",
    "inet_interfaces = $myhostname, localhost\nmyhostname = localhost",
    "inet_protocols = ipv4", "inet_protocols = ipv6", "inet_protocols = ipv4, ipv6",
    "inet_protocols = ipv4\ninet_interfaces = loopback-only\nmynetworks_style = subnet",
    "myhostname = a.b.c", "mydomain = x.y", "myhostname = short", "myhostname =", "mydomain =",
    "myhostname = short\nmydomain = x.y", "myhostname = a.$mydomain\nmydomain = q.r",
    "myhostname = $mydomain", "proxy_interfaces = 1.2.3.4",
)  # fmt: skip


def folder(path: Path, main: str = "", master: str = "") -> Path:
    """Write a configuration into *path* and return it."""
    (path / "main.cf").write_text(main)
    (path / "master.cf").write_text(master)
    return path


def said(arguments: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what Postfix's postconf prints, and ours, as values by name."""
    answers = postfix("postconf", *arguments), ours(postconf.main, "postconf", *arguments)
    assert [(answer.status, answer.err) for answer in answers] == [(0, "")] * 2
    theirs, own = (settings(answer.out) for answer in answers)
    return theirs, own


def settings(text: str) -> dict[str, str]:
    """Return the values of lines such as "name = value" and "name =", by name."""
    pairs = (line.partition(" =") for line in text.split("\n") if line)
    return {name: value.removeprefix(" ") for name, _, value in pairs}


Defaults = tuple[dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def defaults(tmp_path_factory: pytest.TempPathFactory) -> Defaults:
    return said(("-c", str(folder(tmp_path_factory.mktemp("empty"))), "-d"))


@pytest.mark.parametrize("name", sorted({*catalogue.known(), *COMPUTED, *DIFFERING, *ONLY_OURS}))
def test_a_default_is_postfix_s(name: str, defaults: Defaults) -> None:
    theirs, own = defaults
    if name in ONLY_OURS:
        assert name not in theirs
        assert name in own
    elif name in DIFFERING:
        assert theirs[name] != own.get(name)
    else:
        assert own[name] == theirs[name]


def test_ours_knows_what_postfix_knows(defaults: Defaults) -> None:
    theirs, own = defaults
    assert set(theirs) - set(own) == {"tls_legacy_public_key_fingerprints"}
    assert set(own) - set(theirs) == set(ONLY_OURS)


@pytest.mark.parametrize("level", LEVELS)
def test_compatibility_level_drives_the_defaults_that_it_drives_in_postfix(
    level: str, tmp_path: Path
) -> None:
    main = f"compatibility_level = {level}\n" if level else ""
    names = [name for name in BY_LEVEL if name not in DIFFERING]
    assert len(names) >= 10
    theirs, own = said(("-c", str(folder(tmp_path, main)), "-x", *names))
    assert own == theirs


@pytest.mark.parametrize("main", MAINS)
def test_what_the_machine_decides_is_what_it_decides_for_postfix(main: str, tmp_path: Path) -> None:
    theirs, own = said(("-c", str(folder(tmp_path, main + "\n")), "-x", *OF_THE_MACHINE))
    assert own == theirs


def test_services_bring_along_the_parameters_that_they_do_in_postfix(tmp_path: Path) -> None:
    theirs, own = said(("-c", str(folder(tmp_path, master=MASTER)), "-d"))
    brought = {n: v for n, v in theirs.items() if n not in catalogue.known() and n not in COMPUTED}
    brought = {n: v for n, v in brought.items() if n not in DIFFERING}
    assert {name: own.get(name) for name in brought} == brought
    unasked = set(own) - set(theirs) - set(ONLY_OURS)
    assert {name for name in unasked if not name.endswith("_destination_slowdown_limit")} == set()
    assert brought["dovecot_time_limit"] == "$command_time_limit"
    assert brought["slow_destination_concurrency_limit"] == "$default_destination_concurrency_limit"


def test_service_parameters_have_the_values_that_main_cf_gives_them(tmp_path: Path) -> None:
    main = "default_destination_recipient_limit = 7\nslow_destination_rate_delay = 3s\n"
    suffixes = ("destination_recipient_limit", "destination_rate_delay", "delivery_slot_cost")
    names = [f"{s}_{suffix}" for s in ("slow", "dovecot", "away") for suffix in suffixes]
    where = str(folder(tmp_path, main, MASTER))
    theirs, own = said(("-c", where, "-x", *names[:-3]))
    assert own == theirs
    assert own["dovecot_destination_recipient_limit"] == "7"
