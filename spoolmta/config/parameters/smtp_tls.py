"""Parameters of TLS in the SMTP and LMTP client.

Postfix: smtp(8), TLS_README, postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class ClientTlsParameters(Section, not_yet="TLS is not supported yet"):
    """Whether servers may or must encrypt, and how they prove who they are."""

    smtp_tls_security_level: str = text(
        "${{$compatibility_level} <level {3.11} ? {} : {may}}"
    )  # none, may, encrypt, dane, verify, secure, fingerprint
    smtp_tls_policy_maps: str = text("")  # that level, and more, by next hop
    smtp_tls_wrappermode: bool = yes_no("no")  # TLS from the first byte on, as on port 465
    smtp_tls_chain_files: str = text("")  # files with key and certificates, each key first
    smtp_tls_cert_file: str = text("")  # certificate, RSA
    smtp_tls_key_file: str = text("$smtp_tls_cert_file")  # its key
    smtp_tls_eccert_file: str = text("")  # certificate, ECDSA
    smtp_tls_eckey_file: str = text("$smtp_tls_eccert_file")  # its key
    smtp_tls_dcert_file: str = text("")  # certificate, DSA
    smtp_tls_dkey_file: str = text("$smtp_tls_dcert_file")  # its key
    smtp_tls_CAfile: str = text("")  # certificates of authorities that servers may have
    smtp_tls_CApath: str = text("")  # folder with such certificates
    smtp_tls_trust_anchor_file: str = text("")  # files of the only authorities that are trusted
    smtp_tls_ciphers: str = text("medium", empty_allowed=False)  # grade of ciphers
    smtp_tls_mandatory_ciphers: str = text(
        "medium", empty_allowed=False
    )  # grade where encryption is demanded
    smtp_tls_exclude_ciphers: str = text("")  # ciphers that are left out
    smtp_tls_mandatory_exclude_ciphers: str = text("")  # left out where encryption is demanded, too
    smtp_tls_protocols: str = text(">=TLSv1")  # protocol versions
    smtp_tls_mandatory_protocols: str = text(
        ">=TLSv1"
    )  # protocol versions where encryption is demanded
    smtp_tls_fingerprint_digest: str = text(
        "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}", empty_allowed=False
    )  # digest of certificate fingerprints
    smtp_tls_fingerprint_cert_match: str = text("")  # fingerprints that a server may have
    smtp_tls_verify_cert_match: str = text(
        "hostname", empty_allowed=False
    )  # names in a certificate that level "verify" takes
    smtp_tls_secure_cert_match: str = text(
        "nexthop, dot-nexthop", empty_allowed=False
    )  # names in a certificate that level "secure" takes
    smtp_tls_scert_verifydepth: int = number(
        "9"
    )  # certificates between a server's and a trusted one
    smtp_tls_servername: str = text("")  # name that we ask the server for
    smtp_tls_dane_insecure_mx_policy: str = text(
        "dane", empty_allowed=False
    )  # level where TLSA records are signed and the MX is not
    smtp_tls_force_insecure_host_tlsa_lookup: bool = yes_no(
        "no"
    )  # ask for TLSA records of unsigned names, too
    smtp_tls_enable_rpk: bool = yes_no("no")  # servers may show a bare public key
    smtp_tls_enforce_sts_mx_patterns: bool = yes_no(
        "yes"
    )  # servers' names must match an STS policy
    smtp_requiretls_policy: str = text(
        "inline:{{${domain_to_ascii{$mydomain}}=opportunistic}, "
        "{.${domain_to_ascii{$mydomain}}=opportunistic}, "
        "{localhost=opportunistic}}, cidr:{{0.0.0.0/0 opportunistic}, {::/0 "
        "opportunistic}}, enforce"
    )  # how strictly REQUIRETLS is heeded, by next hop
    smtp_tls_connection_reuse: bool = yes_no(
        "no"
    )  # keep encrypted connections for the next message
    smtp_tls_block_early_mail_reply: bool = yes_no(
        "no"
    )  # notice replies that came before the handshake
    smtp_tls_note_starttls_offer: bool = yes_no("no")  # log servers that offer STARTTLS
    smtp_log_tls_feature_status: bool = yes_no("yes")  # log which TLS features a delivery used
    smtp_tls_loglevel: str = text("0")  # how much is logged: 0 to 4
    smtp_tls_session_cache_database: str = text("")  # table of sessions that may be resumed
    smtp_tls_session_cache_timeout: float = seconds("3600s")  # how long they may be
    smtp_tlsrpt_enable: bool = yes_no("no")  # report to the TLSRPT library
    smtp_tlsrpt_socket_name: str = text("")  # where it listens
    smtp_tlsrpt_skip_reused_handshakes: bool = yes_no("no")  # report new handshakes alone
    smtp_starttls_timeout: float = seconds("300s", min=1)  # patience in the handshake
    smtp_tls_per_site: str = text("")  # the former form of smtp_tls_policy_maps
    smtp_tls_enforce_peername: bool = yes_no("yes")  # the former form of level "verify"
    smtp_use_tls: bool = yes_no("no")  # the former form of smtp_tls_security_level = may
    smtp_enforce_tls: bool = yes_no("no")  # the former form of smtp_tls_security_level = encrypt


class LmtpTlsParameters(Section, not_yet="TLS is not supported yet"):
    """The same for the LMTP client."""

    lmtp_tls_security_level: str = text("")  # as smtp_tls_security_level
    lmtp_tls_policy_maps: str = text("")  # as smtp_tls_policy_maps
    lmtp_tls_wrappermode: bool = yes_no("no")  # as smtp_tls_wrappermode
    lmtp_tls_chain_files: str = text("")  # as smtp_tls_chain_files
    lmtp_tls_cert_file: str = text("")  # as smtp_tls_cert_file
    lmtp_tls_key_file: str = text("$lmtp_tls_cert_file")  # as smtp_tls_key_file
    lmtp_tls_eccert_file: str = text("")  # as smtp_tls_eccert_file
    lmtp_tls_eckey_file: str = text("$lmtp_tls_eccert_file")  # as smtp_tls_eckey_file
    lmtp_tls_dcert_file: str = text("")  # as smtp_tls_dcert_file
    lmtp_tls_dkey_file: str = text("$lmtp_tls_dcert_file")  # as smtp_tls_dkey_file
    lmtp_tls_CAfile: str = text("")  # as smtp_tls_CAfile
    lmtp_tls_CApath: str = text("")  # as smtp_tls_CApath
    lmtp_tls_trust_anchor_file: str = text("")  # as smtp_tls_trust_anchor_file
    lmtp_tls_ciphers: str = text("medium", empty_allowed=False)  # as smtp_tls_ciphers
    lmtp_tls_mandatory_ciphers: str = text(
        "medium", empty_allowed=False
    )  # as smtp_tls_mandatory_ciphers
    lmtp_tls_exclude_ciphers: str = text("")  # as smtp_tls_exclude_ciphers
    lmtp_tls_mandatory_exclude_ciphers: str = text("")  # as smtp_tls_mandatory_exclude_ciphers
    lmtp_tls_protocols: str = text(">=TLSv1")  # as smtp_tls_protocols
    lmtp_tls_mandatory_protocols: str = text(">=TLSv1")  # as smtp_tls_mandatory_protocols
    lmtp_tls_fingerprint_digest: str = text(
        "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}", empty_allowed=False
    )  # as smtp_tls_fingerprint_digest
    lmtp_tls_fingerprint_cert_match: str = text("")  # as smtp_tls_fingerprint_cert_match
    lmtp_tls_verify_cert_match: str = text(
        "hostname", empty_allowed=False
    )  # as smtp_tls_verify_cert_match
    lmtp_tls_secure_cert_match: str = text(
        "nexthop", empty_allowed=False
    )  # as smtp_tls_secure_cert_match
    lmtp_tls_scert_verifydepth: int = number("9")  # as smtp_tls_scert_verifydepth
    lmtp_tls_servername: str = text("")  # as smtp_tls_servername
    lmtp_tls_force_insecure_host_tlsa_lookup: bool = yes_no(
        "no"
    )  # as smtp_tls_force_insecure_host_tlsa_lookup
    lmtp_tls_enable_rpk: bool = yes_no("no")  # as smtp_tls_enable_rpk
    lmtp_tls_enforce_sts_mx_patterns: bool = yes_no("yes")  # as smtp_tls_enforce_sts_mx_patterns
    lmtp_requiretls_policy: str = text("opportunistic")  # as smtp_requiretls_policy
    lmtp_tls_connection_reuse: bool = yes_no("no")  # as smtp_tls_connection_reuse
    lmtp_tls_block_early_mail_reply: bool = yes_no("no")  # as smtp_tls_block_early_mail_reply
    lmtp_tls_note_starttls_offer: bool = yes_no("no")  # as smtp_tls_note_starttls_offer
    lmtp_log_tls_feature_status: bool = yes_no("yes")  # as smtp_log_tls_feature_status
    lmtp_tls_loglevel: str = text("0")  # as smtp_tls_loglevel
    lmtp_tls_session_cache_database: str = text("")  # as smtp_tls_session_cache_database
    lmtp_tls_session_cache_timeout: float = seconds("3600s")  # as smtp_tls_session_cache_timeout
    lmtp_tlsrpt_enable: bool = yes_no("no")  # as smtp_tlsrpt_enable
    lmtp_tlsrpt_socket_name: str = text("")  # as smtp_tlsrpt_socket_name
    lmtp_tlsrpt_skip_reused_handshakes: bool = yes_no("no")  # as smtp_tlsrpt_skip_reused_handshakes
    lmtp_starttls_timeout: float = seconds("300s", min=1)  # as smtp_starttls_timeout
    lmtp_tls_per_site: str = text("")  # as smtp_tls_per_site
    lmtp_tls_enforce_peername: bool = yes_no("yes")  # as smtp_tls_enforce_peername
    lmtp_use_tls: bool = yes_no("no")  # as smtp_use_tls
    lmtp_enforce_tls: bool = yes_no("no")  # as smtp_enforce_tls
