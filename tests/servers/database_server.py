"""Real database servers on sockets of a temporary folder, as an unprivileged user.

Debian's packages (tools/install-peers); nothing of the machine's own configuration is used.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pymysql

START_LIMIT_S = 30.0


def program(*patterns: str) -> str | None:
    """Return the path of an installed program, the newest if there are several."""
    found = [
        path for pattern in patterns for path in sorted(Path("/").glob(pattern[1:]), reverse=True)
    ]
    return str(found[0]) if found else None


MARIADB = program("/usr/sbin/mariadbd")
MARIADB_INSTALL = program("/usr/bin/mariadb-install-db")
POSTGRES = program("/usr/lib/postgresql/*/bin/postgres")
INITDB = program("/usr/lib/postgresql/*/bin/initdb")
SLAPD = program("/usr/sbin/slapd")
MEMCACHED = program("/usr/bin/memcached")


@dataclass
class Server:
    """A running server: *folder* is its own, *argv* starts it, *answers* tells that it is up."""

    folder: Path
    argv: Sequence[str]
    answers: Callable[[], object]
    user: str | None
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=self.user
            )
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                self.answers()
            except (OSError, psycopg.Error) as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        (self.folder / "log").read_text("utf-8", "replace")
                    ) from error
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End the server at once, with its children: what one of them holds keeps the next away."""
        if self.process.poll() is None:
            tree = [*psutil.Process(self.process.pid).children(recursive=True), self.process]
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(tree[:-1])
        self.process.wait()


def unprivileged(*names: str) -> str | None:
    """Return the account that servers run as; None for the test's own, which is not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in (*names, "nobody") if name in known)


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    # A socket's path must be short, and another user must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="spoolmta-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        if user:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def mariadb(statements: Sequence[str]) -> Iterator[Server]:
    """Run MariaDB on FOLDER/socket, with a database "mail" that *statements* made."""
    assert MARIADB
    assert MARIADB_INSTALL
    user = unprivileged("mysql")
    with _folder(user) as folder:
        data = folder / "data"
        # The machine's folder for temporary files need not be open to that user.
        common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
        common += ["--innodb-buffer-pool-size=8M"]
        subprocess.run(
            [MARIADB_INSTALL, *common, "--skip-test-db", "--auth-root-authentication-method=normal"]
            + ([f"--user={user}"] if user else []),
            check=True,
            capture_output=True,
        )
        path = folder / "socket"
        argv = [MARIADB, *common, f"--socket={path}", "--skip-networking"]
        argv += ["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"]

        with _running(Server(folder, argv, lambda: _connect(path), user)) as server:
            connection = pymysql.connect(unix_socket=str(path), user="root", password="")
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE mail CHARACTER SET utf8mb4")
                cursor.execute("USE mail")
                for statement in statements:
                    cursor.execute(statement)
                connection.commit()
            yield server


@contextmanager
def postgres(statements: Sequence[str]) -> Iterator[Server]:
    """Run PostgreSQL with its socket in FOLDER, and *statements* carried out as "mail"."""
    assert POSTGRES
    assert INITDB
    user = unprivileged("postgres")
    with _folder(user) as folder:
        data = folder / "data"
        subprocess.run(
            [
                INITDB,
                "-D",
                data,
                "-U",
                "mail",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
                "-A",
                "trust",
            ],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        argv = [POSTGRES, "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
        argv += ["-c", "fsync=off", "-c", "shared_buffers=8MB"]

        def answers() -> None:
            psycopg.connect(host=str(folder), user="mail", dbname="postgres").close()

        with _running(Server(folder, argv, answers, user)) as server:
            with psycopg.connect(
                host=str(folder), user="mail", dbname="postgres", autocommit=True
            ) as connection:
                for statement in statements:
                    connection.execute(statement.encode())
            yield server


@contextmanager
def openldap(entries: str) -> Iterator[Server]:
    """Run slapd on FOLDER/ldapi with *entries* (LDIF) below dc=example,dc=com."""
    assert SLAPD
    user = unprivileged("openldap")
    with _folder(user) as folder:
        data = folder / "data"
        data.mkdir()
        if user:
            shutil.chown(data, user)
        configuration = folder / "slapd.conf"
        configuration.write_text(_SLAPD_CONF.format(folder=folder))
        ldif = folder / "entries.ldif"
        ldif.write_text(entries)
        subprocess.run(
            ["/usr/sbin/slapadd", "-f", configuration, "-l", ldif],
            check=True,
            capture_output=True,
            user=user,
        )
        path = folder / "ldapi"
        argv = [SLAPD, "-d", "0", "-f", str(configuration)]
        argv += ["-h", f"ldapi://{str(path).replace('/', '%2F')}"]

        with _running(Server(folder, argv, lambda: _connect(path), user)) as server:
            yield server


@contextmanager
def memcached() -> Iterator[Server]:
    """Run memcached on FOLDER/socket."""
    assert MEMCACHED
    user = unprivileged("memcache")
    with _folder(user) as folder:
        path = folder / "socket"
        argv = [MEMCACHED, "-s", str(path), "-a", "0777", "-m", "4"]

        with _running(Server(folder, argv, lambda: _connect(path), user)) as server:
            yield server


def _connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))


_SLAPD_CONF = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
access to * by * read
database mdb
maxsize 10485760
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw secret
directory {folder}/data
"""
