"""Parameters of the mail log.

Postfix:    postlogd(8), postconf(5)
"""

from spoolmta.config.parameter import Section, choice, number, seconds, text, yes_no


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


class LogRotationParameters(LogParameters):
    """How a log file is put away (postfix logrotate)."""

    maillog_file_compressor: str = text(
        "gzip", empty_allowed=False
    )  # program that compresses old files
    maillog_file_rotate_suffix: str = text(
        "%Y%m%d-%H%M%S", empty_allowed=False
    )  # end of their names


class LogDaemonParameters(Section, without_meaning="each process writes the log file itself"):
    """postlogd."""

    postlogd_watchdog_timeout: float = seconds("10s")  # longest silence of postlogd


class LogHabitParameters(
    Section, without_meaning="it concerns the past, or the wording of warnings"
):
    """Habits of earlier releases."""

    backwards_bounce_logfile_compatibility: bool = yes_no(
        "yes"
    )  # bounce logs that old releases read
    daemon_table_open_error_is_fatal: bool = yes_no(
        "no"
    )  # a table that cannot be opened ends the process
    helpful_warnings: bool = yes_no("yes")  # warn of configurations that look wrong


class LogWordParameters(Section, not_yet="it is not supported yet"):
    """Words in the log."""

    respectful_logging: bool = yes_no(
        "${{$compatibility_level} <level {3.6} ? {no} : {yes}}"
    )  # allowlist and denylist in place of older words
