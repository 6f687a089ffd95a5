"""Parameters that Postfix knows and that have no effect here, each with the reason.

A parameter works if a section declares it, if it is computed, or if the queue manager asks for it
by transport. Of the others, some have nothing to do here because spoolmta is built otherwise
(harmless), and some stand for behaviour that is missing.

"""

import re
from dataclasses import dataclass
from functools import cache

from spoolmta.config import catalogue, computed
from spoolmta.config.parameters import sections

_WORKING_SUFFIXES = (
    "_destination_concurrency_limit",
    "_destination_concurrency_failed_cohort_limit",
    "_destination_recipient_limit",
    "_initial_destination_concurrency",
    "_destination_concurrency_positive_feedback",
    "_destination_concurrency_negative_feedback",
    "_destination_rate_delay",
    "_transport_rate_delay",
    "_delivery_slot_cost",
    "_delivery_slot_loan",
    "_delivery_slot_discount",
    "_minimum_delivery_slots",
)
_ALWAYS = frozenset(
    ("config_directory", "import_environment", "mail_release_date", "process_id", "process_name")
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a parameter has no effect; *harmless* if nothing is missed by it.

    *partial*: it has some of its effect.
    """

    reason: str
    harmless: bool
    partial: bool = False


# What spoolmta does anyway: setting the parameter to this value changes nothing.
_AS_IT_IS = {
    "biff": "no",
    "smtp_tls_security_level": "none",
    "lmtp_tls_security_level": "none",
    "smtpd_tls_security_level": "none",
    "smtpd_tls_auth_only": "yes",
    "smtpd_delay_open_until_valid_rcpt": "yes",
}
_NOTHING_ASKED = ("", "no", "none")

# Parameters of which some words work: those, and what comes of the others.
_WORKING_WORDS = {
    "notify_classes": (
        frozenset(("bounce", "2bounce", "delay")),
        "postmaster is not told of {} yet",
    ),
}
_ENVELOPE_ALONE = "it is applied to envelopes, and not to headers yet"
_PARTIAL = {
    "canonical_maps": _ENVELOPE_ALONE,
    "sender_canonical_maps": _ENVELOPE_ALONE,
    "recipient_canonical_maps": _ENVELOPE_ALONE,
    "soft_bounce": "SMTP servers heed it, and deliveries do not yet",
}


_HARMLESS = (
    (
        r"hash_queue_|queue_file_|dont_remove|in_flow_delay",
        "the queue is a database, not a tree of files",
    ),
    (
        r"queue_run_delay|transport_retry_time|trigger_timeout",
        "deferred mail is tried when it is due, and nothing scans the queue",
    ),
    (
        r"qmgr_|default_(extra_)?recipient_(limit|refill_)|.*_(extra_)?recipient_(limit|refill_)",
        "the queue manager holds no recipients in memory",
    ),
    (
        r".*_service_name|proxy_(read|write)_maps|ipc_(idle|ttl)|connection_cache_",
        "this service of Postfix is a function or a row here",
    ),
    (
        r".*_path|(command|daemon|html|manpage|meta|readme|sample|shlib)_directory|openssl_path",
        "nothing is looked for there",
    ),
    (r"data_directory", "what it would hold is in queue_directory"),
    (r"setgid_group", "mail is submitted over a socket, and no program is set-gid"),
    (
        r"max_use|daemon_timeout|application_event_drain_time|fork_(attempts|delay)",
        "processes carry many sessions and do not retire by count",
    ),
    (
        r"berkeley_db_|lmdb_map_size|non_bdb_|default_cache_db_type",
        "tables are built in a format of their own",
    ),
    (r"postlogd_|maillog_file_(compressor|rotate)", "each process writes the log file itself"),
    (r"anvil_|.*_status_update_time", "no statistics are written to the log"),
    (
        r"sun_mailtool_|backwards_bounce_|maps_rbl_|helpful_warnings|daemon_table_open_",
        "it concerns the past, or the wording of warnings",
    ),
)
_MISSING = (
    (r".*tls|relay_clientcerts|tlsproxy", "TLS is not supported yet"),
    (r".*sasl|broken_sasl_|smtpd_sender_login_maps", "authentication is not supported yet"),
    (r".*milter", "milters are not supported yet"),
    (r"dnssec_", "DNSSEC is not supported yet"),
    (r"postscreen_|dnsblog_", "postscreen is not supported yet"),
    (r"smtpd_policy_|rbl_|default_rbl_", "policy services and DNS lists are not supported yet"),
    (r"address_verify_|unverified_|.*_address_verify_", "addresses are not verified yet"),
    (r"content_filter|default_filter_|smtpd_proxy_", "content filters are not supported yet"),
    (r"smtpd_client_", "clients are not counted yet"),
    (r".*(xclient|xforward|upstream_proxy)", "proxies in front or behind are not supported yet"),
    (r"qmqpd_", "QMQP is not supported yet"),
    (r"multi_instance_|postmulti_|alternate_config_", "one instance is managed at a time"),
    (r".*verp", "VERP is not supported yet"),
    (r".*generic_maps", "this rewriting is not supported yet"),
    (
        r"(smtp_|lmtp_)?(body|mime_header|nested_header|header)_checks|body_checks_|mime_",
        "this inspection of content is not supported yet",
    ),
    (
        r"strict_|disable_mime_|.*_8bit_|force_mime_|message_(reject|strip)_",
        "this inspection of content is not supported yet",
    ),
    (r"fallback_transport|mailbox_transport", "mail is not passed on that way yet"),
    (
        r".*_(status|reply)_filter|.*_command_filter|.*reject_f",
        "replies are not filtered or extended yet",
    ),
    (r"debug|fault_injection_", "there is no debugging aid of that kind"),
    (r"use_srv_|.*_srv_", "SRV records are not looked up yet"),
)


def gap(name: str) -> Gap | None:
    """Return why the parameter *name* of Postfix has no effect; None if it has one."""
    if name in _working() or name.endswith(_WORKING_SUFFIXES):
        return None
    if name.endswith("_time_limit") and catalogue.default(name) is None:
        return None  # that of a transport that runs commands
    for patterns, harmless in ((_MISSING, False), (_HARMLESS, True)):
        for pattern, reason in patterns:
            if re.match(pattern, name):
                return Gap(reason, harmless)
    return Gap("it is not supported yet", harmless=False)


def gap_of_value(name: str, value: str) -> Gap | None:
    """Return why a parameter of Postfix, set to *value*, does not do what it says.

    None if it does, also because it asks for nothing that spoolmta would have to do.
    """
    missing = gap(name)
    if missing is None:
        return _partial_gap(name, value)
    if not missing.harmless and (_is_as_it_is(name, value) or _asks_for_nothing(name, value)):
        return None
    return missing


def _is_as_it_is(name: str, value: str) -> bool:
    return _AS_IT_IS.get(name) == value.lower()


def _asks_for_nothing(name: str, value: str) -> bool:
    """Return whether a feature that is off by default is left off."""
    is_default = catalogue.default(name) == value
    return is_default and value in _NOTHING_ASKED and not name.startswith("disable_")


def _partial_gap(name: str, value: str) -> Gap | None:
    if name in _PARTIAL and value not in _NOTHING_ASKED:
        return Gap(_PARTIAL[name], harmless=False, partial=True)
    if name not in _WORKING_WORDS:
        return None
    working, reason = _WORKING_WORDS[name]
    idle = [word for word in value.replace(",", " ").split() if word not in working]
    return Gap(reason.format(", ".join(idle)), harmless=False, partial=True) if idle else None


@cache
def _working() -> frozenset[str]:
    declared = frozenset(name for section in sections() for name in section.parameters)
    return declared | frozenset(computed.COMPUTED) | _ALWAYS


def gaps() -> dict[str, Gap]:
    """Return every parameter of the catalogue that has no effect, by name."""
    found = {name: gap(name) for name in catalogue.known()}
    return {name: missing for name, missing in found.items() if missing is not None}
