"""Parameters of the mail log.

Postfix:    postlogd(8), postconf(5)
"""

from spoolmta.config.parameter import Section, choice, number, text


class LogParameters(Section):
    """What a process needs to know before it can log."""

    myhostname: str = text("", empty_allowed=False)  # internet name of this machine; computed
    syslog_name: str = text(
        "${multi_instance_name?{$multi_instance_name}:{postfix}}", empty_allowed=False
    )  # first part of the tag
    syslog_facility: str = text("mail", empty_allowed=False)  # facility of log lines
    maillog_file: str = text("")  # log file or /dev/stdout instead of syslog
    maillog_file_prefixes: str = text("/var, /dev/stdout", empty_allowed=False)  # where it may be
    maillog_file_permissions: str = choice(
        "0600", ("0600", "0640", "0644")
    )  # permissions of a log file that is made
    info_log_address_format: str = choice(
        "external", ("external", "internal")
    )  # whether addresses are quoted
    delay_logging_resolution_limit: int = number("2", max=6)  # decimals of delays below a second
