"""Parameters of TLS in the SMTP server.

Postfix: smtpd(8), TLS_README, postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class ServerTlsParameters(Section, not_yet="TLS is not supported yet"):
    """Whether clients may or must encrypt, with which keys and ciphers."""

    smtpd_tls_security_level: str = text("")  # none, may (offer STARTTLS) or encrypt (demand it)
    smtpd_tls_wrappermode: bool = yes_no("no")  # TLS from the first byte on, as on port 465
    smtpd_tls_auth_only: bool = yes_no("no")  # no AUTH in plain text
    smtpd_tls_chain_files: str = text("")  # files with key and certificates, each key first
    smtpd_tls_cert_file: str = text("")  # certificate, RSA
    smtpd_tls_key_file: str = text("$smtpd_tls_cert_file")  # its key
    smtpd_tls_eccert_file: str = text("")  # certificate, ECDSA
    smtpd_tls_eckey_file: str = text("$smtpd_tls_eccert_file")  # its key
    smtpd_tls_dcert_file: str = text("")  # certificate, DSA
    smtpd_tls_dkey_file: str = text("$smtpd_tls_dcert_file")  # its key
    smtpd_tls_CAfile: str = text(
        ""
    )  # certificates of authorities that client certificates may have
    smtpd_tls_CApath: str = text("")  # folder with such certificates
    smtpd_tls_ciphers: str = text("medium", empty_allowed=False)  # grade of ciphers
    smtpd_tls_mandatory_ciphers: str = text(
        "medium", empty_allowed=False
    )  # grade where encryption is demanded
    smtpd_tls_exclude_ciphers: str = text("")  # ciphers that are left out
    smtpd_tls_mandatory_exclude_ciphers: str = text(
        ""
    )  # left out where encryption is demanded, too
    smtpd_tls_protocols: str = text(">=TLSv1")  # protocol versions
    smtpd_tls_mandatory_protocols: str = text(
        ">=TLSv1"
    )  # protocol versions where encryption is demanded
    smtpd_tls_dh1024_param_file: str = text("")  # parameters of finite-field Diffie-Hellman
    smtpd_tls_dh512_param_file: str = text("")  # no longer used
    smtpd_tls_eecdh_grade: str = text("auto", empty_allowed=False)  # strength of elliptic curves
    smtpd_tls_fingerprint_digest: str = text(
        "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}", empty_allowed=False
    )  # digest of certificate fingerprints
    smtpd_tls_ask_ccert: bool = yes_no("no")  # ask clients for a certificate
    smtpd_tls_req_ccert: bool = yes_no("no")  # demand a trusted one
    smtpd_tls_ccert_verifydepth: int = number(
        "9"
    )  # certificates between a client's and a trusted one
    smtpd_tls_enable_rpk: bool = yes_no("no")  # clients may show a bare public key
    relay_clientcerts: str = text("")  # fingerprints of certificates that may relay
    smtpd_tls_received_header: bool = yes_no("no")  # protocol and cipher in Received
    smtpd_tls_loglevel: str = text("0")  # how much is logged: 0 to 4
    smtpd_tls_always_issue_session_ids: bool = yes_no(
        "yes"
    )  # a session id for clients that cannot resume, too
    smtpd_tls_session_cache_database: str = text("")  # table of sessions that may be resumed
    smtpd_tls_session_cache_timeout: float = seconds("3600s")  # how long they may be
    smtpd_starttls_timeout: float = seconds(
        "${stress?{10}:{300}}s", min=1
    )  # patience in the handshake
    smtpd_use_tls: bool = yes_no("no")  # the former form of smtpd_tls_security_level = may
    smtpd_enforce_tls: bool = yes_no("no")  # the former form of smtpd_tls_security_level = encrypt
