"""Which SMTP servers and clients must not speak in plain text, as long as there is no TLS.

A server whose sessions begin with TLS is not started: it could not say a word. One that demands
STARTTLS takes no mail. A client that must encrypt is not started, and mail for it waits. So
nothing that the configuration wants encrypted is said in plain text.

Postfix:    postconf(5) smtpd_tls_wrappermode, smtpd_tls_security_level, smtp_tls_security_level
Limits:     per-destination policies (smtp_tls_policy_maps) are not looked at
"""

from collections.abc import Mapping

from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service

_WRAPPED = (
    "smtpd_tls_wrappermode is set, and TLS is not supported yet: the service does not run, because"
    " it would serve in plain text"
)
DEMANDED = (
    "smtpd_tls_security_level demands encryption, and TLS is not supported yet: clients are told"
    " 530 5.7.0 Must issue a STARTTLS command first, and no mail is taken"
)
_UNSENT = (
    "{0}_tls_security_level or {0}_tls_wrappermode demands encryption, and TLS is not supported"
    " yet: the service does not run and its mail waits, because it would be sent in plain text"
)
_VOLUNTARY = ("none", "may")
_VOLUNTARY_CLIENT = (*_VOLUNTARY, "dane")


def refusal(configuration: Configuration, service: Service) -> str:
    """Return why a service must not run; "" if it may."""
    overrides = service.overrides
    if service.command == "smtpd":
        is_wrapped = configuration.value("smtpd_tls_wrappermode", overrides).lower() != "no"
        return _WRAPPED if is_wrapped else ""
    if service.command in ("smtp", "lmtp"):
        name = f"{service.command}_tls_wrappermode"
        is_wrapped = configuration.value(name, overrides).lower() != "no"
        demands = _demands(configuration, overrides, service.command, _VOLUNTARY_CLIENT)
        return _UNSENT.format(service.command) if is_wrapped or demands else ""
    return ""


def server_demands_encryption(configuration: Configuration, overrides: Mapping[str, str]) -> bool:
    """Return whether an SMTP server with these *overrides* takes no mail without TLS."""
    return _demands(configuration, overrides, "smtpd", _VOLUNTARY)


def takes_no_mail(configuration: Configuration, service: Service) -> bool:
    """Return whether a service is an SMTP server that demands STARTTLS of every client."""
    is_server = service.command == "smtpd"
    return is_server and server_demands_encryption(configuration, service.overrides)


def _demands(
    configuration: Configuration,
    overrides: Mapping[str, str],
    program: str,
    voluntary: tuple[str, ...],
) -> bool:
    level = configuration.value(f"{program}_tls_security_level", overrides).lower()
    if not level:
        return configuration.value(f"{program}_enforce_tls", overrides).lower() == "yes"
    return level not in voluntary
