"""Log lines of the master, and of what operators do to the queue.

Postfix:    master(8), postsuper(1)
"""

from spoolmta.maillog.log import MailLog

_TOTALS = {
    "removed": "Deleted",
    "requeued": "Requeued",
    "placed on hold": "Placed on hold",
    "released from hold": "Released from hold",
    "expired": "Force-expired",
}


def daemon_started(log: MailLog, version: str, directory: str) -> None:
    """The master runs, on the configuration of *directory*."""
    log.info(f"daemon started -- version {version}, configuration {directory}")


def daemon_reload(log: MailLog, version: str, directory: str) -> None:
    """The master has read its configuration again."""
    log.info(f"reload -- version {version}, configuration {directory}")


def daemon_terminating(log: MailLog, signal: int) -> None:
    """The master ends because of a signal."""
    log.info(f"terminating on signal {signal}")


def process_died(log: MailLog, program: str, pid: int, *, status: int, signal: int = 0) -> None:
    """A process of a service ended badly."""
    if signal:
        log.warning(f"process {program} pid {pid} killed by signal {signal}")
    else:
        log.warning(f"process {program} pid {pid} exit status {status}")


def throttling(log: MailLog, program: str) -> None:
    """A service failed right after its start, and is started again after a pause."""
    log.warning(f"{program}: bad command startup -- throttling")


def process_limit_reached(log: MailLog, service: str, port: str, limit: int) -> None:
    """All processes of a public service are busy."""
    log.warning(
        f'service "{service}" ({port}) has reached its process limit "{limit}":'
        " new clients may experience noticeable delays"
    )


def queue_change(log: MailLog, queue_id: str, change: str) -> None:
    """An operator changed a message: "removed", "requeued", "placed on hold",
    "released from hold" or "expired".
    """
    log.info(f"{queue_id}: {change}")


def queue_change_total(log: MailLog, change: str, count: int) -> str:
    """Log how many messages an operator changed, and return that text, for the terminal."""
    text = f"{_TOTALS[change]}: {count} message{'' if count == 1 else 's'}"
    log.info(text)
    return text


def kept(log: MailLog, queue_id: str, action: str, rule: str) -> None:
    """A standing rule keeps a message from going on: "hold" or "suspend"."""
    log.info(f"{queue_id}: {action}: {rule}")
