"""Parameters of the processes.

Postfix: master(8), postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text


class RetirementParameters(
    Section, without_meaning="processes carry many sessions and do not retire by count"
):
    """How long a process lives, and how it is made."""

    application_event_drain_time: float = seconds(
        "100s", min=1
    )  # patience with what is pending at the end
    daemon_timeout: float = seconds("18000s", min=1)  # longest work on one request
    fork_attempts: int = number("5", min=1)  # tries to make a process
    fork_delay: float = seconds("1s", min=1)  # pause between them
    max_use: int = number("100", min=1)  # requests after which a process retires


class ServiceNameParameters(
    Section, without_meaning="this service of Postfix is a function or a row here"
):
    """Under which names processes find each other."""

    bounce_service_name: str = text("bounce", empty_allowed=False)  # that keeps bounce logs
    connection_cache_service_name: str = text("scache", empty_allowed=False)  # scache(8)
    defer_service_name: str = text("defer", empty_allowed=False)  # that keeps defer logs
    dnsblog_service_name: str = text("dnsblog", empty_allowed=False)  # dnsblog(8)
    error_service_name: str = text("error", empty_allowed=False)  # error(8)
    flush_service_name: str = text("flush", empty_allowed=False)  # flush(8)
    pickup_service_name: str = text("pickup", empty_allowed=False)  # pickup(8)
    postlog_service_name: str = text("postlog", empty_allowed=False)  # postlogd(8)
    proxymap_service_name: str = text("proxymap", empty_allowed=False)  # proxymap(8), for reading
    proxywrite_service_name: str = text(
        "proxywrite", empty_allowed=False
    )  # proxymap(8), for writing
    queue_service_name: str = text("qmgr", empty_allowed=False)  # qmgr(8)
    rewrite_service_name: str = text("rewrite", empty_allowed=False)  # trivial-rewrite(8)
    showq_service_name: str = text("showq", empty_allowed=False)  # showq(8)
    smtpd_service_name: str = text(
        "smtpd", empty_allowed=False
    )  # what postscreen hands sessions to
    tlsmgr_service_name: str = text("tlsmgr", empty_allowed=False)  # tlsmgr(8)
    trace_service_name: str = text(
        "trace", empty_allowed=False
    )  # that keeps reports of sendmail -v
    address_verify_service_name: str = text("verify", empty_allowed=False)  # verify(8)
    non_bdb_migration_service_name: str = text(
        "nbdb_reindex", empty_allowed=False
    )  # nbdb_reindex(8)


class IpcParameters(Section, without_meaning="this service of Postfix is a function or a row here"):
    """Connections between processes."""

    ipc_idle: float = seconds("5s", min=1)  # idle time after which one is closed
    ipc_ttl: float = seconds("1000s", min=1)  # age at which one is closed
    trigger_timeout: float = seconds("10s", min=1)  # patience with a process that is woken


class ServiceParameters(Section, not_yet="it is not supported yet"):
    """Which services may run."""

    master_service_disable: str = text("")  # services that are not started


class RunningParameters(Section):
    """What a running process is, and what it takes along."""

    config_directory: str = text("")  # folder of main.cf and master.cf; set by who starts it
    process_id: int = number("")  # of the running process
    process_name: str = text("", empty_allowed=False)  # of the running program
    import_environment: str = text(
        "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C "
        "POSTLOG_SERVICE POSTLOG_HOSTNAME XDG_RUNTIME_DIR"
    )  # variables that processes take over or set
    mail_release_date: str = text("20260821")  # day of the release whose behaviour is ours
