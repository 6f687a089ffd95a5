"""Parameters of TLS that server and client share.

Postfix: TLS_README, tlsmgr(8), postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class TlsParameters(Section, not_yet="TLS is not supported yet"):
    """Cipher lists, curves and workarounds."""

    tls_append_default_CA: bool = yes_no(
        "no"
    )  # trust the certificate authorities of the system, too
    tls_config_file: str = text("default")  # OpenSSL's configuration file: default, none, or a path
    tls_config_name: str = text("")  # section of that file
    tls_dane_digests: str = text("sha512 sha256")  # digests of TLSA records, best first
    tls_disable_workarounds: str = text("")  # OpenSSL's workarounds that are turned off
    tls_eecdh_auto_curves: str = text("?X25519MLKEM768:DEFAULT")  # curves that may be agreed on
    tls_eecdh_strong_curve: str = text(
        "prime256v1", empty_allowed=False
    )  # curve of the "strong" grade
    tls_eecdh_ultra_curve: str = text(
        "secp384r1", empty_allowed=False
    )  # curve of the "ultra" grade
    tls_ffdhe_auto_groups: str = text("")  # groups of finite fields that may be agreed on
    tls_export_cipherlist: str = text("")  # no grade any more
    tls_low_cipherlist: str = text("")  # no grade any more
    tls_medium_cipherlist: str = text(
        ""
        "aNULL:-aNULL:HIGH:MEDIUM:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:+RC4:@STRENGTH",
        empty_allowed=False,
    )  # ciphers of the grade "medium"
    tls_high_cipherlist: str = text(
        "aNULL:-aNULL:HIGH:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:@STRENGTH",
        empty_allowed=False,
    )  # ciphers of the grade "high"
    tls_null_cipherlist: str = text(
        "eNULL:!kDH:!kECDH:!aDSS:!MD5:!aNULL", empty_allowed=False
    )  # ciphers that do not encrypt
    tls_fast_shutdown_enable: bool = yes_no("yes")  # do not wait for the other side's goodbye
    tls_preempt_cipherlist: bool = yes_no("no")  # the server's order of ciphers counts
    tls_required_enable: bool = yes_no("yes")  # heed the header TLS-Required: no
    tls_server_sni_maps: str = text("")  # key and certificate by the name that a client asks for
    tls_session_ticket_cipher: str = text(
        "aes-256-cbc"
    )  # cipher of session tickets; empty: no tickets
    tls_ssl_options: str = text("")  # OpenSSL's options that are turned on
    tls_wildcard_matches_multiple_labels: bool = yes_no(
        "yes"
    )  # *.example.com also stands for a.b.example.com


class RequireTlsParameters(Section, not_yet="TLS is not supported yet"):
    """REQUIRETLS: mail that must not travel in plain text."""

    requiretls_enable: bool = yes_no("yes")  # offer and heed REQUIRETLS
    requiretls_esmtp_header: bool = yes_no("yes")  # note it in a header for hops that lose it
    requiretls_redact_dsn: bool = yes_no("yes")  # notices of such mail return its headers alone


class TlsRandomParameters(Section, without_meaning="random numbers come from the system"):
    """Where random numbers come from."""

    tls_daemon_random_bytes: int = number("32")  # bytes that a process gets to begin with
    tls_random_bytes: int = number("32", min=1)  # bytes that are taken from the source
    tls_random_exchange_name: str = text(
        "${data_directory}/prng_exch"
    )  # file that keeps randomness between two runs
    tls_random_prng_update_period: float = seconds("3600s", min=1)  # how often that file is written
    tls_random_reseed_period: float = seconds("3600s", min=1)  # how often the source is asked again
    tls_random_source: str = text("dev:/dev/urandom")  # device or socket that randomness comes from
