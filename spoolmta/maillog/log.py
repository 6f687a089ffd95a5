"""MailLog: log lines of one process, in Postfix's frame, buffered.

    Nov  4 09:52:44 host postfix/smtpd[123]: text

Lines wait until flush() and leave in one write. A target that is down costs log lines, counted
and told later, but it never delays mail and never raises. The text of a line is made printable
and cut, so that no peer can forge a second line.

Postfix:    postlogd(8), postconf(5) maillog_file, syslog_name
Parameters: maillog_file, maillog_file_prefixes, maillog_file_permissions, myhostname,
            syslog_facility, syslog_name
Limits:     one thread logs; lines that wait when the process is killed are lost
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from spoolmta.clock import Clock, SystemClock
from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.log import LogParameters
from spoolmta.errors import ConfigError
from spoolmta.maillog.targets import (
    SYSLOG_SOCKET,
    FileTarget,
    NoTarget,
    StreamTarget,
    SyslogTarget,
    Target,
)

LONGEST_LINE = 2000

# They join letters of some scripts, also in addresses; they move nothing on a screen.
_JOINERS = "\u200c\u200d"
_LINES_PER_WRITE = 64
_BYTES_KEPT = 1 << 20
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FACILITIES = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7,
    "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18,
    "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}  # fmt: skip
_INFO, _WARNING, _ERROR, _CRITICAL = 6, 4, 3, 2
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_NOTHING: Mapping[str, str] = {}


class _Writer:
    """The lines that wait for a target, of all logs that write to it, in the order they came."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.lines: list[str] = []
        self.lost = 0
        self._waiting: list[bytes] = []

    def write(self) -> None:
        """Write what waits, in one write where the target allows it. Never raises."""
        lines = self._waiting
        if self.lines:
            new, self.lines = self.lines, []
            if self._target.joined:
                new = ["".join(new)]
            lines = lines + [line.encode() for line in new]
        elif not lines:
            return
        unwritten = self._target.write(lines)
        size = sum(map(len, unwritten))
        while size > _BYTES_KEPT:
            size -= len(unwritten[0])
            self.lost += unwritten.pop(0).count(b"\n")
        self._waiting = unwritten

    @property
    def is_stuck(self) -> bool:
        """True if the target did not take everything."""
        return bool(self._waiting)


class MailLog:
    """The log of one process. Made after the fork, closed at the end.

    *external_addresses* and *resolution* are what event functions ask for: whether addresses are
    shown quoted, and the decimals of delays.
    """

    external_addresses: bool = True
    resolution: int = 2

    def __init__(self, target: Target, tag: str, host: str, *, facility: int = 2) -> None:
        """*tag* is what stands before [pid] ("postfix/smtpd"), *host* this machine's name."""
        self._target = target
        self._writer = _Writer(target)
        self._tag = tag
        self._host = host
        self._facility = facility
        self._clock: Clock = SystemClock()
        self._second = -1
        self._prefixes: dict[int, str] = {}

    @classmethod
    def open(
        cls,
        configuration: Configuration,
        service: str,
        overrides: Mapping[str, str] = _NOTHING,
        *,
        clock: Clock | None = None,
        command: bool = False,
    ) -> "MailLog":
        """Return the log of a process whose program is called *service* ("smtpd", "qmgr").

        *overrides* are the service's -o; *command* means a short command of a user, which
        must not write its log to a terminal.
        Raises ConfigError: a log parameter cannot be used.
        """
        parameters = configuration.section(LogParameters, overrides)
        target = _open_target(parameters, configuration, command=command)
        facility = _FACILITIES.get(parameters.syslog_facility)
        if facility is None:
            raise ConfigError(
                f"unknown syslog_facility value: {parameters.syslog_facility}"
                f" (expected one of: {', '.join(_FACILITIES)})"
            )
        host = os.environ.get("POSTLOG_HOSTNAME") or parameters.myhostname.partition(".")[0]
        log = cls(target, f"{parameters.syslog_name}/{service}", host, facility=facility)
        log.external_addresses = parameters.info_log_address_format == "external"
        log.resolution = parameters.delay_logging_resolution_limit
        if clock is not None:
            log._clock = clock
        return log

    def named(self, program: str) -> "MailLog":
        """Return a log for the lines of another program; those of both leave in their order."""
        tag = f"{self._tag.rpartition('/')[0]}/{program}"
        log = MailLog(self._target, tag, self._host, facility=self._facility)
        log._writer = self._writer
        log.external_addresses = self.external_addresses
        log.resolution = self.resolution
        log._clock = self._clock
        return log

    def info(self, text: str) -> None:
        """Log what happened."""
        self._append(_INFO, text)

    def warning(self, text: str) -> None:
        """Log what somebody should look at."""
        self._append(_WARNING, "warning: " + text)

    def error(self, text: str) -> None:
        """Log what went wrong and will not mend itself."""
        self._append(_ERROR, "error: " + text)

    def fatal(self, text: str) -> None:
        """Log why this process ends; the caller ends it."""
        self._append(_CRITICAL, "fatal: " + text)
        self.flush()

    def panic(self, text: str) -> None:
        """Log a bug of ours that ends this process; the caller ends it."""
        self._append(_CRITICAL, "panic: " + text)
        self.flush()

    def flush(self) -> None:
        """Write what waits, in one write where the target allows it. Never raises."""
        writer = self._writer
        writer.write()
        if writer.lost and not writer.is_stuck:
            lost, writer.lost = writer.lost, 0
            self.warning(f"{lost} log lines were lost because they could not be written")

    def reopen(self) -> None:
        """Open the log file afresh, after it was rotated."""
        self.flush()
        self._target.close()

    def close(self) -> None:
        """Write what waits and close the target."""
        self.flush()
        self._target.close()

    def _append(self, level: int, text: str) -> None:
        second = int(self._clock.now())
        if second != self._second:
            self._start_second(second)
        prefix = self._prefixes.get(level) or self._make_prefix(level)
        if len(text) > LONGEST_LINE:
            text = text[:LONGEST_LINE]
        if not text.isprintable():
            text = "".join([c if c.isprintable() or c in _JOINERS else "?" for c in text])
        lines = self._writer.lines
        lines.append(f"{prefix}{text}\n")
        if len(lines) >= _LINES_PER_WRITE:
            self.flush()

    def _start_second(self, second: int) -> None:
        self._second = second
        self._prefixes.clear()

    def _make_prefix(self, level: int) -> str:
        now = time.localtime(self._second)
        stamp = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2d} {time.strftime('%H:%M:%S', now)}"
        tag = f"{self._tag}[{os.getpid()}]: "
        if self._target.framed:
            prefix = f"{stamp} {self._host} {tag}"
        else:
            prefix = f"<{self._facility * 8 + level}>{stamp} {tag}"
        self._prefixes[level] = prefix
        return prefix


def _open_target(
    parameters: LogParameters, configuration: Configuration, *, command: bool
) -> Target:
    path = parameters.maillog_file
    if path:
        prefixes = parameters.maillog_file_prefixes.replace(",", " ").split()
        if not any(path.startswith(prefix) for prefix in prefixes):
            raise ConfigError(
                f"maillog_file value '{path}' does not match any prefix in maillog_file_prefixes"
                f" (expected one of: {', '.join(prefixes)})"
            )
        if path in _STREAMS:
            return NoTarget() if command else StreamTarget(_STREAMS[path])
        return FileTarget(Path(path), int(parameters.maillog_file_permissions, 8))
    if configuration.directory is not None and Path(SYSLOG_SOCKET).is_socket():
        return SyslogTarget()
    return NoTarget() if command else StreamTarget(2)
