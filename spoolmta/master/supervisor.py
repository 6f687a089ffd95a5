"""The life of the master: lock, bind, start, reap, reload, stop.

It reads the configuration, binds the sockets, forks the services and replaces what dies; it parses
no mail and never opens the spool. One master runs per spool: the lock on pid/master.pid is held
for life, by the services as well, so that a new master waits until the last old one is gone.

Postfix:    master(8)
Signals:    TERM, INT drain and stop; HUP reloads (a broken configuration keeps the old one)
Parameters: queue_directory, mail_owner, process_id_directory, drain_time_limit,
            service_throttle_time
Must not:   open the spool, start a thread or an event loop: it forks
"""

import contextlib
import fcntl
import gc
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spoolmta import __version__, maillog
from spoolmta.config import encryption, program
from spoolmta.config.loader import Configuration, load
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters import sections_in_force
from spoolmta.config.parameters.master import MasterParameters
from spoolmta.config.program import Kind
from spoolmta.errors import ConfigError, SpoolmtaError
from spoolmta.maillog import MailLog
from spoolmta.master import programs, sockets
from spoolmta.master.children import Children
from spoolmta.master.programs import Entry
from spoolmta.master.sockets import Addresses
from spoolmta.net.endpoint import parse_known_ports
from spoolmta.service import poke, privileges, process
from spoolmta.service.process import Launch, Program

PID_FILE = "master.pid"

_KEEPER = Service(name="keeper", kind="unix", command="keeper", maxproc=1)
_READY_SECONDS = 30.0
_LOCK_SECONDS = 15.0
_IDLE_SECONDS = 5.0


@dataclass
class Unit:
    """A service with its code, its sockets and its processes."""

    service: Service
    entry: Entry
    program: Program
    listening: tuple[socket.socket, ...]
    poke_socket: socket.socket | None
    children: Children

    @property
    def awaited(self) -> tuple[socket.socket, ...]:
        """What the master listens to in its place, while it has no process and needs none."""
        if not self.entry.on_demand or self.children.wanted:
            return ()
        return self.listening if self.poke_socket is None else (self.poke_socket,)

    @property
    def session_limit(self) -> int:
        """How many sessions or deliveries each of its processes may carry."""
        maxproc = self.service.maxproc or 1000
        return max(1, maxproc // programs.process_count(self.service, self.entry))

    def close(self) -> None:
        """Close its sockets."""
        for listener in self.listening:
            listener.close()
        if self.poke_socket is not None:
            self.poke_socket.close()


def serve(
    directory: Path | str | None = None, on_ready: Callable[[Configuration], None] | None = None
) -> int:
    """Run the mail system in the foreground; return the exit status when it has stopped.

    *on_ready* is called once every service has been started.
    Raises ConfigError, SpoolmtaError: it cannot start; the text says why.
    """
    configuration = load(directory)
    master = Master(configuration, directory)
    return master.run(on_ready)


class Master:
    """The one master of a spool."""

    def __init__(self, configuration: Configuration, directory: Path | str | None) -> None:
        """*directory* is read again at a reload."""
        self._directory = directory
        self._adopt(configuration)
        self._log = MailLog.open(configuration, "master")
        self._units: dict[str, Unit] = {}
        self._signals: set[int] = set()
        self._stopping = False
        self._exit_status = 0

    def run(self, on_ready: Callable[[Configuration], None] | None) -> int:
        """Start everything, replace what dies, stop when told."""
        self._make_folders()
        _allow_descriptors()
        lock = self._lock()
        self._units = self._build(self._configuration, {})
        wakeup, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        process.read_files_ahead()
        gc.collect()
        gc.freeze()
        maillog.daemon_started(self._log, __version__, _name(self._configuration))
        self._log.flush()
        try:
            self._start_keeper()
            self._start_missing()
            if on_ready is not None and not self._stopping:
                on_ready(self._configuration)
            self._watch(wakeup)
        finally:
            self._stop()
            os.close(lock)
        return self._exit_status

    # ---- set-up

    def _adopt(self, configuration: Configuration) -> None:
        _require_sound(configuration)
        self._configuration = configuration
        self._parameters = configuration.section(MasterParameters)
        self._queue_directory = Path(self._parameters.queue_directory)

    def _make_folders(self) -> None:
        """Create the queue directory and what is in it, owned by mail_owner."""
        owner = privileges.account(self._parameters.mail_owner)
        folder = self._queue_directory
        try:
            for name, mode in (("", 0o755), ("public", 0o755), ("private", 0o700), ("pid", 0o755)):
                path = folder / name
                if not path.is_dir():
                    path.mkdir(mode, parents=True)
                if os.geteuid() == 0 and path.stat().st_uid != owner.pw_uid:
                    os.chown(path, owner.pw_uid, owner.pw_gid)
        except OSError as error:
            raise ConfigError(
                f"cannot make the queue directory {error.filename}: {error.strerror};"
                " set queue_directory to a folder that this user may write"
            ) from error

    def _lock(self) -> int:
        """Hold the lock on master.pid for life and write our pid into it."""
        path = self._queue_directory / self._parameters.process_id_directory / PID_FILE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        give_up = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if _is_running(path) or time.monotonic() > give_up:
                    raise SpoolmtaError(
                        f"the mail system is already running: {path} is locked; stop it first"
                        " (postfix stop), or use another queue_directory"
                    ) from None
                time.sleep(0.1)  # services of a master that died are still ending
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid():>10d}\n".encode("ascii"), 0)
        return descriptor

    def _build(self, configuration: Configuration, old: dict[str, Unit]) -> dict[str, Unit]:
        """Return the units of a configuration; sockets and processes of *old* ones go on."""
        units = {"keeper": self._unit(_KEEPER, programs.KEEPER, old.get("keeper"))}
        running = program.running(configuration.services)
        _require_own_names(configuration, running)
        for service in configuration.services:
            if service.key not in running:
                self._warn_of(
                    service,
                    f"spoolmta does not have the program {service.command} yet; the service is"
                    " not started",
                )
            elif refusal := encryption.refusal(configuration, service):
                self._warn_of(service, refusal)
            elif running[service.key] is not Kind.ROW:
                if encryption.takes_no_mail(configuration, service):
                    self._warn_of(service, encryption.DEMANDED)
                found = programs.entry(service)
                units[service.key] = self._unit(service, found, old.get(service.key))
        return units

    def _warn_of(self, service: Service, text: str) -> None:
        place = f"{service.file}, line {service.line}"
        self._log.warning(f"{place}: service {service.name}: {text}")

    def _unit(self, service: Service, found: Entry, old: Unit | None) -> Unit:
        code = programs.load(service, found)
        if old is not None:
            old.children.wanted = self._wanted(service, found, old)
            return Unit(service, found, code, old.listening, old.poke_socket, old.children)
        listening: tuple[socket.socket, ...] = ()
        if found.kind is Kind.LISTENER:
            listening = sockets.listen(service, self._addresses(), self._queue_directory)
        elif service.command == "pickup":
            path = self._queue_directory / poke.FOLDER / sockets.SUBMIT_NAME
            listening = (sockets.listen_unix(path, 0o666),)
        name = _KEEPER.name if found is programs.KEEPER else programs.poke_name(service, found)
        receiver = self._poke_socket(service, name) if name else None
        children = Children(0, self._parameters.service_throttle_time)
        unit = Unit(service, found, code, listening, receiver, children)
        children.exclusive = found.kind is Kind.STAGE
        children.wanted = self._wanted(service, found, unit)
        return unit

    def _addresses(self) -> Addresses:
        return Addresses(
            self._parameters.inet_interfaces,
            self._parameters.inet_protocols,
            parse_known_ports(self._configuration.value("known_tcp_ports")),
        )

    def _poke_socket(self, service: Service, name: str) -> socket.socket:
        try:
            receiver = poke.bind(self._queue_directory, name)
        except OSError as error:
            raise ConfigError(
                f"{service.file}, line {service.line}: service {service.name}: cannot bind"
                f" {poke.FOLDER}/{name}: {error.strerror or error}"
                " (expected a short name without /)"
            ) from error
        if os.geteuid() == 0:
            owner = privileges.account(self._parameters.mail_owner)
            os.chown(self._queue_directory / poke.FOLDER / name, owner.pw_uid, owner.pw_gid)
        return receiver

    def _wanted(self, service: Service, found: Entry, unit: Unit) -> int:
        if found.on_demand:
            return min(unit.children.wanted, programs.process_count(service, found))
        return 1 if found.kind is Kind.STAGE else programs.process_count(service, found)

    # ---- processes

    def _start_keeper(self) -> None:
        """Start the keeper and wait until the spool is open: everybody else needs it."""
        ready, ready_write = os.pipe2(os.O_CLOEXEC)
        unit = self._units["keeper"]
        self._fork(unit, ready_write)
        os.close(ready_write)
        readable, _, _ = select.select([ready], [], [], _READY_SECONDS)
        opened = bool(readable) and os.read(ready, 1) == b"."
        os.close(ready)
        if not opened:
            self._stopping = True
            self._exit_status = process.EXIT_FAILED

    def _start_missing(self) -> None:
        now = time.monotonic()
        for unit in self._units.values():
            for _ in range(unit.children.missing(now)):
                if self._stopping:
                    return
                self._fork(unit, None)

    def _fork(self, unit: Unit, ready: int | None) -> None:
        self._log.flush()
        master = os.getpid()
        # The child must not take our handler for its own: SIGTERM would be noted and forgotten.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            unit.children.started(pid, time.monotonic())
            return
        status = process.EXIT_FAILED
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            for other in self._units.values():
                if other is not unit:
                    other.close()
            status = process.run(self._launch(unit, master, ready))
        except SpoolmtaError as error:
            self._log.fatal(f"{unit.service.name}: {error}")
            self._log.flush()
        finally:
            sys.stdout.flush()
            os._exit(status)

    def _launch(self, unit: Unit, master: int, ready: int | None) -> Launch:
        return Launch(
            program=unit.program,
            configuration=self._configuration,
            service=unit.service,
            sockets=unit.listening,
            poke_socket=unit.poke_socket,
            session_limit=unit.session_limit,
            master=master,
            ready=ready,
        )

    def _reap(self) -> None:
        for pid, status in _ended_children():
            for unit in self._units.values():
                if pid in unit.children.running:
                    self._on_end(unit, pid, status)
                    break

    def _on_end(self, unit: Unit, pid: int, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        retired = pid in unit.children.retiring
        pause = unit.children.ended(pid, time.monotonic(), failed=code != 0 and not self._stopping)
        if unit.entry.on_demand and code == 0 and not retired:
            unit.children.wanted = max(0, unit.children.wanted - 1)
        if code and not self._stopping:
            how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
            name = f"{unit.service.name} ({unit.service.command})"
            self._log.warning(f"process {name} pid {pid} {how}")
            if pause > 1:
                self._log.warning(f"{name}: bad command startup -- throttling for {pause:.0f} s")
        if code == process.EXIT_SPOOL_UNUSABLE:
            self._log.fatal("the spool cannot be used: stopping the mail system")
            self._stopping, self._exit_status = True, code
        with contextlib.suppress(KeyError):
            if unit is not self._units["keeper"]:
                self._poke_keeper()

    def _poke_keeper(self) -> None:
        poker = poke.Poker(self._queue_directory)
        poker.poke("keeper")
        poker.close()

    # ---- the loop

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signals.add(number)

    def _watch(self, wakeup: int) -> None:
        while not self._stopping:
            asleep = {
                awaited.fileno(): unit for unit in self._units.values() for awaited in unit.awaited
            }
            poller = select.poll()
            for descriptor in (wakeup, *asleep):
                poller.register(descriptor, select.POLLIN)
            for descriptor, _ in poller.poll(self._patience() * 1000):
                if descriptor == wakeup:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wakeup, 4096)
                else:
                    unit = asleep[descriptor]
                    unit.children.wanted = programs.process_count(unit.service, unit.entry)
            self._obey()
            if not self._stopping:
                self._start_missing()
            self._log.flush()

    def _patience(self) -> float:
        now = time.monotonic()
        starts = [
            unit.children.next_start() - now
            for unit in self._units.values()
            if unit.children.next_start() > now
        ]
        return min([_IDLE_SECONDS, *starts])

    def _obey(self) -> None:
        signals, self._signals = self._signals, set()
        self._reap()
        if signals & {signal.SIGTERM, signal.SIGINT}:
            number = signal.SIGTERM if signal.SIGTERM in signals else signal.SIGINT
            maillog.daemon_terminating(self._log, int(number))
            self._stopping = True
        elif signal.SIGHUP in signals:
            self._reload()

    def _reload(self) -> None:
        """Take over the configuration as it is now on disk, if it is sound."""
        try:
            configuration = load(self._directory)
            if configuration.value("queue_directory") != str(self._queue_directory):
                raise ConfigError("queue_directory cannot change while the mail system runs")
            before, old = self._configuration, self._units
            self._adopt(configuration)
            try:
                self._units = self._build(configuration, old)
            except SpoolmtaError:
                self._adopt(before)
                raise
        except SpoolmtaError as error:
            self._log.error(f"reload: {error}; the old configuration stays in force")
            return
        self._log.reopen()
        maillog.daemon_reload(self._log, __version__, _name(configuration))
        for key, unit in old.items():
            for pid in unit.children.retire():
                _kill(pid, signal.SIGHUP)
            if key not in self._units:
                unit.close()

    def _stop(self) -> None:
        """Let services finish what they have begun, then end them; the keeper goes last."""
        self._stopping = True
        give_up = time.monotonic() + self._parameters.drain_time_limit
        keeper = self._units.get("keeper")
        others = [unit for unit in self._units.values() if unit is not keeper]
        for units in (others, [keeper] if keeper else []):
            for unit in units:
                for pid in unit.children.running:
                    _kill(pid, signal.SIGTERM)
            while any(unit.children.running for unit in units):
                if time.monotonic() > give_up:
                    for unit in units:
                        for pid in unit.children.running:
                            _kill(pid, signal.SIGKILL)
                self._reap()
                time.sleep(0.01)
        for unit in self._units.values():
            unit.close()
        self._log.flush()


def _require_sound(configuration: Configuration) -> None:
    """Raise ConfigError for any parameter that cannot be understood, whoever is to read it.

    A mistake must be heard of at the start, and not from the service that meets it.
    """
    for kind in sections_in_force():
        configuration.section(kind)
        for service in configuration.services:
            if service.overrides:
                configuration.section(kind, service.overrides)


def _require_own_names(configuration: Configuration, running: Mapping[str, Kind]) -> None:
    """Raise ConfigError if two services would have one socket below the queue directory."""
    taken = {_KEEPER.name: "spoolmta itself", sockets.SUBMIT_NAME: "spoolmta itself"}
    for service in configuration.services:
        kind = running.get(service.key, Kind.ROW)
        if kind is Kind.ROW or (kind is Kind.LISTENER and service.kind == "inet"):
            continue
        name = programs.poke_name(service, programs.entry(service))
        if not name and not service.private:
            name = service.name
        if name in taken:
            raise ConfigError(
                f"{service.file}, line {service.line}: service {service.name}: the name {name} is"
                f" used by {taken[name]} already (expected another name)"
            )
        if name:
            taken[name] = f"service {service.key}"


def _allow_descriptors() -> None:
    """Let each service open as many files and connections as the system allows at all."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _name(configuration: Configuration) -> str:
    return str(configuration.directory or "built-in")


def _ended_children() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_running(path: Path) -> bool:
    """Return whether the process that a pid file names is there."""
    try:
        os.kill(int(path.read_text("ascii").strip() or 0), 0)
    except (OSError, ValueError):
        return False
    return True
