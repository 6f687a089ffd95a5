"""postfix: start, stop, reload, check the mail system.

`start` forks the master into the background and waits until its services run, so that what
prevents it is still seen on the terminal. What it says goes to the mail log as
postfix/postfix-script, and to standard error where a person may read it.

Postfix:    postfix(1)
Parameters: queue_directory, process_id_directory, mail_owner, drain_time_limit, mail_version
Limits:     no tls; upgrade-configuration has nothing to upgrade
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from spoolmta import __version__
from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.cli.running import master_pid
from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.log import LogRotationParameters
from spoolmta.config.parameters.master import MasterParameters
from spoolmta.errors import SpoolmtaError
from spoolmta.maillog import MailLog

USAGE = "postfix [-c config_dir] [-Dv] command"
VERBS = (
    "start (or stop, reload, abort, flush, check, status, set-permissions, upgrade-configuration,"
    " logrotate)"
)

_LETTERS = "c:Dv"
_ALONE = ("logrotate",)
_START_SECONDS = 60.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.05
_READY = b"\0ready\0"


def main() -> NoReturn:
    """Run postfix."""
    command = Command("postfix")
    options, operands = command.options(sys.argv[1:], _LETTERS, USAGE)
    command.run(lambda: _postfix(dict(options).get("-c"), operands))


class Control:
    """One mail system and what can be done to it; every deed returns an exit status."""

    def __init__(self, directory: str | None) -> None:
        self.directory = directory
        self.access = Access(directory)
        self._log = MailLog.open(self.access.configuration, "postfix-script", command=True)

    def info(self, text: str) -> None:
        """Say what is done."""
        self._log.info(text)
        self._log.flush()
        if sys.stderr.isatty() or not _has_log(self.access.configuration):
            self._print(text)

    def warning(self, text: str) -> None:
        """Say what somebody should look at."""
        self._log.warning(text)
        self._print(f"warning: {text}")

    def fatal(self, text: str) -> int:
        """Say why it cannot be done; return the exit status that says so."""
        self._log.fatal(text)
        self._print(f"fatal: {text}")
        return 1

    def close(self) -> None:
        """Write out the log."""
        self._log.close()

    def start(self) -> int:
        """Run the mail system in the background."""
        if self._pid() is not None:
            return self.fatal("the Postfix mail system is already running")
        self.info("starting the Postfix mail system")
        if not _start_in_background(self.directory):
            return self.fatal("mail system startup failed (the mail log says why)")
        return 0

    def start_foreground(self) -> int:
        """Run the mail system in this process until it is stopped."""
        from spoolmta.master.supervisor import serve

        if self._pid() is not None:
            return self.fatal("the Postfix mail system is already running")
        self.info("starting the Postfix mail system")
        return serve(self.directory)

    def stop(self) -> int:
        """Let the mail system finish what it has begun, and end it."""
        pid = self._pid()
        if pid is None:
            return self.fatal("the Postfix mail system is not running")
        self.info("stopping the Postfix mail system")
        parameters = self.access.configuration.section(MasterParameters)
        os.kill(pid, signal.SIGTERM)
        give_up = time.monotonic() + parameters.drain_time_limit + _KILL_SECONDS
        told = time.monotonic() + 1
        while self._pid() is not None:
            if time.monotonic() > give_up:
                self.warning("stopping the Postfix mail system with force")
                _kill_tree(pid)
                break
            if time.monotonic() > told:
                self.info("waiting for the Postfix mail system to terminate")
                told += 5
            time.sleep(_POLL_SECONDS)
        return 0

    def abort(self) -> int:
        """End the mail system at once; what it was doing is done again at the next start."""
        pid = self._pid()
        if pid is None:
            return self.fatal("the Postfix mail system is not running")
        os.kill(pid, 0)  # may it be done at all?
        self.info("aborting the Postfix mail system")
        _kill_tree(pid)
        return 0

    def reload(self) -> int:
        """Let the mail system read its configuration again."""
        pid = self._pid()
        if pid is None:
            return self.fatal("the Postfix mail system is not running")
        self.info("refreshing the Postfix mail system")
        os.kill(pid, signal.SIGHUP)
        return 0

    def status(self) -> int:
        """Say whether the mail system runs."""
        pid = self._pid()
        if pid is None:
            self.info("the Postfix mail system is not running")
            return 1
        self.info(f"the Postfix mail system is running: PID: {pid}")
        return 0

    def check(self) -> int:
        """Say what is wrong with the configuration."""
        from spoolmta.cli.checking.check import main as run

        return run(self.directory, name="postfix")

    def flush(self) -> int:
        """Let all deferred mail be tried now."""
        from spoolmta.cli.queue_tools.postqueue import flush_queue

        return flush_queue(Command("postqueue", 69), self.directory)

    def set_permissions(self) -> int:
        """Give the queue directory and the spool to mail_owner."""
        from spoolmta.service.privileges import account

        if os.geteuid() != 0:
            return self.fatal("set-permissions is reserved for the superuser")
        owner = account(self.access.parameters.mail_owner)
        folder = self.access.queue_directory
        for path in (folder, *_owned(folder)):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        return 0

    def version(self) -> int:
        """Print the versions."""
        print(f"spoolmta {__version__} (mail_version {self.access.parameters.mail_version})")
        return 0

    def upgrade_configuration(self) -> int:
        """Say that there is nothing to do."""
        self.info("the configuration files need no upgrade")
        return 0

    def rotate_log(self) -> int:
        """Put the log file away, and begin a new one."""
        from spoolmta.cli.log_rotation import RotationError, rotate

        configuration = self.access.configuration
        patience = configuration.section(MasterParameters).drain_time_limit + _KILL_SECONDS
        try:
            rotate(configuration.section(LogRotationParameters), self._pid(), patience)
        except RotationError as error:
            self._log.reopen()
            return self.fatal(str(error))
        self._log.reopen()
        return 0

    def refuse_tls(self) -> int:
        """Say that there are no keys and certificates yet."""
        return self.fatal("there is no TLS yet: it has no keys and certificates to manage")

    def _pid(self) -> int | None:
        return master_pid(self.access.process_directory)

    def _print(self, text: str) -> None:
        name = self.access.parameters.syslog_name
        print(f"{name}/postfix-script: {text}", file=sys.stderr)


DEEDS: Mapping[str, Callable[[Control], int]] = {
    "start": Control.start,
    "start-fg": Control.start_foreground,
    "stop": Control.stop,
    "abort": Control.abort,
    "reload": Control.reload,
    "status": Control.status,
    "check": Control.check,
    "flush": Control.flush,
    "set-permissions": Control.set_permissions,
    "upgrade-configuration": Control.upgrade_configuration,
    "logrotate": Control.rotate_log,
    "tls": Control.refuse_tls,
    "version": Control.version,
}


def _postfix(directory: str | None, operands: Sequence[str]) -> int:
    control = Control(directory)
    try:
        verb = operands[0] if operands else ""
        deed = DEEDS.get(verb)
        if verb in _ALONE and len(operands) > 1:
            return control.fatal(f"usage postfix {verb} (no arguments)")
        if deed is None:
            return control.fatal(f"unknown command: '{verb}'. Usage: postfix {VERBS}")
        return deed(control)
    except PermissionError as error:
        owner = control.access.parameters.mail_owner
        return control.fatal(f"not allowed ({error.strerror}): run this as root or as {owner}")
    finally:
        control.close()


def _has_log(configuration: Configuration) -> bool:
    """Tell whether the log of a command goes anywhere."""
    return bool(configuration.value("maillog_file")) or Path("/dev/log").is_socket()


def _start_in_background(directory: str | None) -> bool:
    """Fork the master; show what it says until it is ready; return whether it got there."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork() == 0:
        os.close(reading)
        _live_as_master(directory, writing)
    os.close(writing)
    said = b""
    give_up = time.monotonic() + _START_SECONDS
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while time.monotonic() < give_up and (data := pipe.read(4096)):
            said += data
            if _READY in said:
                sys.stderr.write(said.replace(_READY, b"").decode("utf-8", "replace"))
                return True
    sys.stderr.write(said.decode("utf-8", "replace"))
    return False


def _live_as_master(directory: str | None, report: int) -> NoReturn:
    """Be the master, detached; standard error goes to *report* until it runs."""
    from spoolmta.master.supervisor import serve

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(report, 2)
    os.close(report)

    def ready(_: Configuration) -> None:
        os.write(2, _READY)
        os.dup2(nothing, 2)

    status = 1
    try:
        status = serve(directory, ready)
    except SpoolmtaError as error:
        os.write(2, f"postfix: fatal: {error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _kill_tree(pid: int) -> None:
    import psutil

    try:
        master = psutil.Process(pid)
        # Stopped first, so that it starts nobody anew while its services die.
        master.suspend()
        processes = [*master.children(recursive=True), master]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=_KILL_SECONDS)


def _owned(folder: Path) -> list[Path]:
    names = ("public", "private", "pid", "data")
    spool = sorted(folder.glob("spool.*")) + sorted(folder.glob("cache.*"))
    return [folder / name for name in names if (folder / name).is_dir()] + spool


if __name__ == "__main__":
    main()
