"""Parameters of TLS for postscreen and for connections that are kept.

Postfix: tlsproxy(8), postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class TlsProxyParameters(Section, not_yet="TLS is not supported yet"):
    """What is copied from the SMTP server's parameters and the SMTP client's."""

    tlsproxy_client_CAfile: str = text("$smtp_tls_CAfile")  # as smtp_tls_CAfile
    tlsproxy_client_CApath: str = text("$smtp_tls_CApath")  # as smtp_tls_CApath
    tlsproxy_client_cert_file: str = text("$smtp_tls_cert_file")  # as smtp_tls_cert_file
    tlsproxy_client_chain_files: str = text("$smtp_tls_chain_files")  # as smtp_tls_chain_files
    tlsproxy_client_dcert_file: str = text("$smtp_tls_dcert_file")  # as smtp_tls_dcert_file
    tlsproxy_client_dkey_file: str = text("$smtp_tls_dkey_file")  # as smtp_tls_dkey_file
    tlsproxy_client_eccert_file: str = text("$smtp_tls_eccert_file")  # as smtp_tls_eccert_file
    tlsproxy_client_eckey_file: str = text("$smtp_tls_eckey_file")  # as smtp_tls_eckey_file
    tlsproxy_client_enforce_tls: bool = yes_no("$smtp_enforce_tls")  # as smtp_enforce_tls
    tlsproxy_client_fingerprint_digest: str = text(
        "$smtp_tls_fingerprint_digest", empty_allowed=False
    )  # as smtp_tls_fingerprint_digest
    tlsproxy_client_key_file: str = text("$smtp_tls_key_file")  # as smtp_tls_key_file
    tlsproxy_client_loglevel: str = text(
        "$smtp_tls_loglevel", empty_allowed=False
    )  # as smtp_tls_loglevel
    tlsproxy_client_loglevel_parameter: str = text(
        "smtp_tls_loglevel", empty_allowed=False
    )  # name that complaints about that level use
    tlsproxy_client_per_site: str = text("$smtp_tls_per_site")  # as smtp_tls_per_site
    tlsproxy_client_policy_maps: str = text(
        "${tlsproxy_client_policy?{$tlsproxy_client_policy}:{$smtp_tls_policy_maps}}"
    )  # as smtp_tls_policy_maps
    tlsproxy_client_scert_verifydepth: int = number(
        "$smtp_tls_scert_verifydepth"
    )  # as smtp_tls_scert_verifydepth
    tlsproxy_client_security_level: str = text(
        "${tlsproxy_client_level?{$tlsproxy_client_level}:{$smtp_tls_security_level}}"
    )  # as smtp_tls_security_level
    tlsproxy_client_use_tls: bool = yes_no("$smtp_use_tls")  # as smtp_use_tls
    tlsproxy_enforce_tls: bool = yes_no("$smtpd_enforce_tls")  # as smtpd_enforce_tls
    tlsproxy_service_name: str = text("tlsproxy", empty_allowed=False)  # tlsproxy(8)
    tlsproxy_tls_CAfile: str = text("$smtpd_tls_CAfile")  # as smtpd_tls_CAfile
    tlsproxy_tls_CApath: str = text("$smtpd_tls_CApath")  # as smtpd_tls_CApath
    tlsproxy_tls_always_issue_session_ids: bool = yes_no(
        "$smtpd_tls_always_issue_session_ids"
    )  # as smtpd_tls_always_issue_session_ids
    tlsproxy_tls_ask_ccert: bool = yes_no("$smtpd_tls_ask_ccert")  # as smtpd_tls_ask_ccert
    tlsproxy_tls_ccert_verifydepth: int = number(
        "$smtpd_tls_ccert_verifydepth"
    )  # as smtpd_tls_ccert_verifydepth
    tlsproxy_tls_cert_file: str = text("$smtpd_tls_cert_file")  # as smtpd_tls_cert_file
    tlsproxy_tls_chain_files: str = text("$smtpd_tls_chain_files")  # as smtpd_tls_chain_files
    tlsproxy_tls_ciphers: str = text(
        "$smtpd_tls_ciphers", empty_allowed=False
    )  # as smtpd_tls_ciphers
    tlsproxy_tls_dcert_file: str = text("$smtpd_tls_dcert_file")  # as smtpd_tls_dcert_file
    tlsproxy_tls_dh1024_param_file: str = text(
        "$smtpd_tls_dh1024_param_file"
    )  # as smtpd_tls_dh1024_param_file
    tlsproxy_tls_dh512_param_file: str = text(
        "$smtpd_tls_dh512_param_file"
    )  # as smtpd_tls_dh512_param_file
    tlsproxy_tls_dkey_file: str = text("$smtpd_tls_dkey_file")  # as smtpd_tls_dkey_file
    tlsproxy_tls_eccert_file: str = text("$smtpd_tls_eccert_file")  # as smtpd_tls_eccert_file
    tlsproxy_tls_eckey_file: str = text("$smtpd_tls_eckey_file")  # as smtpd_tls_eckey_file
    tlsproxy_tls_eecdh_grade: str = text(
        "$smtpd_tls_eecdh_grade", empty_allowed=False
    )  # as smtpd_tls_eecdh_grade
    tlsproxy_tls_enable_rpk: bool = yes_no("$smtpd_tls_enable_rpk")  # as smtpd_tls_enable_rpk
    tlsproxy_tls_exclude_ciphers: str = text(
        "$smtpd_tls_exclude_ciphers"
    )  # as smtpd_tls_exclude_ciphers
    tlsproxy_tls_fingerprint_digest: str = text(
        "$smtpd_tls_fingerprint_digest", empty_allowed=False
    )  # as smtpd_tls_fingerprint_digest
    tlsproxy_tls_key_file: str = text("$smtpd_tls_key_file")  # as smtpd_tls_key_file
    tlsproxy_tls_loglevel: str = text(
        "$smtpd_tls_loglevel", empty_allowed=False
    )  # as smtpd_tls_loglevel
    tlsproxy_tls_mandatory_ciphers: str = text(
        "$smtpd_tls_mandatory_ciphers", empty_allowed=False
    )  # as smtpd_tls_mandatory_ciphers
    tlsproxy_tls_mandatory_exclude_ciphers: str = text(
        "$smtpd_tls_mandatory_exclude_ciphers"
    )  # as smtpd_tls_mandatory_exclude_ciphers
    tlsproxy_tls_mandatory_protocols: str = text(
        "$smtpd_tls_mandatory_protocols"
    )  # as smtpd_tls_mandatory_protocols
    tlsproxy_tls_protocols: str = text("$smtpd_tls_protocols")  # as smtpd_tls_protocols
    tlsproxy_tls_req_ccert: bool = yes_no("$smtpd_tls_req_ccert")  # as smtpd_tls_req_ccert
    tlsproxy_tls_security_level: str = text(
        "$smtpd_tls_security_level"
    )  # as smtpd_tls_security_level
    tlsproxy_use_tls: bool = yes_no("$smtpd_use_tls")  # as smtpd_use_tls
    tlsproxy_watchdog_timeout: float = seconds("10s", min=10)  # longest silence of the process
