"""Parameters that Postfix 3.11 still reads and warns of, with what to say instead.

Postfix:    DEPRECATION_README, postconf(1)
"""

_TLS_OWNERS = ("smtp", "lmtp", "smtpd", "postscreen", "tlsproxy", "tlsproxy_client")
_LEAVE_OUT = ""

SUCCESSORS = {
    "authorized_verp_clients": "smtpd_authorized_verp_clients",
    "disable_dns_lookups": "smtp_dns_support_level",
    "fallback_relay": "smtp_fallback_relay",
    "lmtp_cname_overrides_servername": _LEAVE_OUT,
    "lmtp_per_record_deadline": "lmtp_per_request_deadline",
    "lmtp_tls_per_site": "lmtp_tls_policy_maps",
    "postscreen_blacklist_action": "postscreen_denylist_action",
    "postscreen_dnsbl_ttl": "postscreen_dnsbl_max_ttl",
    "postscreen_dnsbl_whitelist_threshold": "postscreen_dnsbl_allowlist_threshold",
    "postscreen_whitelist_interfaces": "postscreen_allowlist_interfaces",
    "smtp_cname_overrides_servername": _LEAVE_OUT,
    "smtp_per_record_deadline": "smtp_per_request_deadline",
    "smtp_tls_per_site": "smtp_tls_policy_maps",
    "smtpd_client_connection_limit_exceptions": "smtpd_client_event_limit_exceptions",
    "smtpd_tls_dh1024_param_file": _LEAVE_OUT,
    "smtpd_tls_eecdh_grade": _LEAVE_OUT,
    "tlsproxy_client_level": "tlsproxy_client_security_level",
    "tlsproxy_client_per_site": "tlsproxy_client_policy_maps",
    "tlsproxy_client_policy": "tlsproxy_client_policy_maps",
    "tlsproxy_tls_dh1024_param_file": _LEAVE_OUT,
    "tlsproxy_tls_eecdh_grade": _LEAVE_OUT,
    "virtual_maps": "virtual_alias_maps",
    **{
        f"{owner}_{verb}_tls": f"{owner}_tls_security_level"
        for owner in _TLS_OWNERS
        for verb in ("use", "enforce")
    },
    **{f"{o}_tls_enforce_peername": f"{o}_tls_security_level" for o in ("smtp", "lmtp")},
}
"""By old name; "" means that it is best left out."""


def warning(name: str) -> str:
    """Return the warning of a name that was replaced, in Postfix's words; "" if it was not."""
    if name not in SUCCESSORS:
        return ""
    successor = SUCCESSORS[name]
    advice = f'specify "{successor}"' if successor else "do not specify"
    return f'support for parameter "{name}" will be removed; instead, {advice}'
