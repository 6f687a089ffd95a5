from spoolmta.config import catalogue, unsupported
from spoolmta.config.computed import COMPUTED
from spoolmta.config.master_cf import parse_master
from spoolmta.config.parameters import sections

# Declared by spoolmta and unknown to Postfix, or names that its own postconf does not print.
OWN = {
    "default_destination_slowdown_limit",
    "destination_grouping",
    "dns_nameservers",
    "drain_time_limit",
    "history_lifetime",
    "history_size_limit",
    "trash_lifetime",
    "trash_size_limit",
}
OLD = {"extract_recipient_limit", "fallback_relay", "virtual_maps"}


# What Postfix 3.11 says of parameters that 3.7 does not have, or has with another default.
NEWER = {
    "allow_srv_lookup_fallback": "no",
    "default_cache_db_type": "btree",
    "force_mime_input_conversion": "no",
    "full_name_encoding_charset": "utf-8",
    "lmtp_requiretls_policy": "opportunistic",
    "lmtp_tls_enable_rpk": "no",
    "maillog_file_permissions": "0600",
    "milter_default_action": "shutdown",
    "non_bdb_migration_level": "disable",
    "non_empty_end_of_header_action": "fix_quietly",
    "requiretls_redact_dsn": "yes",
    "smtp_log_tls_feature_status": "yes",
    "smtp_tls_enforce_sts_mx_patterns": "yes",
    "smtp_tls_security_level": "${{$compatibility_level} <level {3.11} ? {} : {may}}",
    "smtp_tlsrpt_skip_reused_handshakes": "no",
    "smtpd_client_ipv6_prefix_length": "84",
    "smtpd_forbid_bare_newline": "normalize",
    "smtpd_forbid_unauth_pipelining": "yes",
    "smtpd_hide_client_session": "no",
    "smtpd_reject_filter_maps": "",
    "socketmap_max_reply_size": "100000",
    "tls_required_enable": "yes",
    "use_srv_lookup": "",
}


def declared() -> dict[str, str]:
    return {n: p.default for section in sections() for n, p in section.parameters.items()}


def test_every_parameter_of_postfix_3_11_is_known() -> None:
    # 873 is what its postconf -d lists without services; seven of them the machine decides.
    computed = {*COMPUTED, "config_directory", "service_name"}
    assert len({*catalogue.known(), *computed} - OWN) == 873
    assert {name: catalogue.default(name) for name in NEWER} == NEWER


def test_what_postfix_3_11_has_removed_is_unknown() -> None:
    assert catalogue.default("tls_legacy_public_key_fingerprints") is None


def test_a_former_name_is_read_and_not_listed() -> None:
    assert set(declared()) - set(catalogue.known()) == OLD == catalogue.FORMER


def test_every_parameter_works_or_has_a_reason_why_not() -> None:
    assert unsupported.gap("queue_directory") is None
    assert unsupported.gap("mailman_destination_recipient_limit") is None
    assert unsupported.gap("x_extra_recipient_limit") is not None


def test_transports_bring_along_what_postfix_gives_them() -> None:
    master = parse_master(
        "a unix - - - - - smtp\nb inet n - - - - smtpd\nc unix - n n - - pipe\n"
        "d inet - n n - - spawn\ne unix - - - - - /x/virtual\nf unix - - - - - discard\n",
        "master.cf",
    )
    names = catalogue.of_transports(master.entries)
    assert names["a_destination_recipient_limit"] == "$default_destination_recipient_limit"
    assert [n for n in names if n.endswith("_time_limit")] == ["c_time_limit", "d_time_limit"]
    assert {n[0] for n in names if n.endswith("_initial_destination_concurrency")} == {"a", "c"}
    assert {n[0] for n in names} == {"a", "c", "d"}
