"""postqueue and mailq: list the queue, ask for delivery now.

The listing comes from public/showq, so that any user may have it; while the mail system is down,
who may read the spool gets it from there.

Postfix:    postqueue(1)
Parameters: authorized_mailq_users, authorized_flush_users, fast_flush_domains,
            enable_long_queue_ids, empty_address_recipient
Limits:     flushing needs the right to write the spool
"""

import os
import pwd
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from spoolmta.cli import mailq as mailq_format
from spoolmta.cli.access import Access
from spoolmta.cli.command_line import EX_TEMPFAIL, EX_UNAVAILABLE, Command, write_raw
from spoolmta.cli.running import master_pid
from spoolmta.config.parameters.postqueue import QueueCommandParameters
from spoolmta.errors import SpoolUnusable
from spoolmta.net.network import parse_address
from spoolmta.protocols.showq import ListedMessage, Parser

USAGE = "postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"
ANYONE = "static:anyone"

_LETTERS = "c:fi:jps:v"
_MAILQ_LETTERS = "A:B:C:EF:GIL:N:O:R:UV:X:b:e:f:h:imno:p:r:q:tvx"
_RECEIVE_BYTES = 65536
_SLICE = 500


def main() -> NoReturn:
    """Run postqueue."""
    command = Command("postqueue", EX_UNAVAILABLE)
    command.run(lambda: _postqueue(command, sys.argv[1:]))


def mailq() -> NoReturn:
    """Run mailq: the options of sendmail(1) are taken, and mean nothing here."""
    command = Command("mailq", EX_UNAVAILABLE)
    options, operands = command.options(sys.argv[1:], _MAILQ_LETTERS, "mailq [-C config_dir] [-v]")
    if operands:
        command.fatal("display queue mode requires no recipient", EX_TEMPFAIL)
    directory = dict(options).get("-C")
    command.run(lambda: list_queue(command, directory, as_json=False))


def list_queue(command: Command, directory: str | None, *, as_json: bool) -> int:
    """Print the queue as Postfix does, for people or as JSON lines; return the exit status."""
    access = Access(directory)
    _authorize(command, access, "authorized_mailq_users", "view the mail queue")
    messages = _messages(command, access)
    if as_json:
        lines: Iterator[str] = map(mailq_format.json_line, messages)
    else:
        long = access.parameters.enable_long_queue_ids
        lines = mailq_format.listing(messages, mailq_format.LONG if long else mailq_format.SHORT)
    for line in lines:
        write_raw(line + "\n")
    return 0


def flush_queue(command: Command, directory: str | None) -> int:
    """Let all deferred mail be tried now; return the exit status."""
    access = _flushing(command, directory)
    from spoolmta.spool import admin

    with access.spool() as spool:
        while True:
            with spool.transaction() as tx:
                more = admin.make_next_due(tx, _SLICE)
                if not more:
                    admin.request_flush(tx)
            if not more:
                break
    access.poke("qmgr", "trivial_rewrite")
    return 0


def _postqueue(command: Command, arguments: Sequence[str]) -> int:
    options, operands = command.options(arguments, _LETTERS, USAGE)
    chosen = {name: value for name, value in options if name not in ("-c", "-v")}
    directory = dict(options).get("-c")
    if len(chosen) != 1 or operands:
        command.fatal(f"usage: {USAGE}")
    (name, value), *_ = chosen.items()
    actions: dict[str, Callable[[], int]] = {
        "-p": lambda: list_queue(command, directory, as_json=False),
        "-j": lambda: list_queue(command, directory, as_json=True),
        "-f": lambda: flush_queue(command, directory),
        "-i": lambda: _flush_message(command, directory, value),
        "-s": lambda: _flush_site(command, directory, value),
    }
    return actions[name]()


def _messages(command: Command, access: Access) -> Iterator[ListedMessage]:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(access.parameters.ipc_timeout)
        connection.connect(str(access.queue_directory / "public" / "showq"))
    except OSError as error:
        connection.close()
        return _messages_of_spool(command, access, error)
    return _messages_of_socket(command, connection)


def _messages_of_socket(command: Command, connection: socket.socket) -> Iterator[ListedMessage]:
    parser = Parser()
    with connection:
        while not parser.finished:
            try:
                data = connection.recv(_RECEIVE_BYTES)
            except OSError as error:
                command.fatal(f"read public/showq: {error.strerror or error}")
            if not data:
                command.fatal("the showq service ended in the middle of the listing")
            yield from parser.feed(data)


def _messages_of_spool(command: Command, access: Access, error: OSError) -> Iterator[ListedMessage]:
    from spoolmta.spool import inspect

    try:
        access.require_spool()
    except SpoolUnusable as unusable:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            command.fatal(f"Queue report unavailable - mail system is down ({unusable})")
        command.fatal(f"Connect to the showq service: {error.strerror}")
    command.warn(
        "Mail system is down -- accessing queue directly"
        f" (Connect to the showq service: {error.strerror})"
    )
    null_recipient = access.parameters.empty_address_recipient
    with access.spool() as spool:
        for state in inspect.LISTED_STATES:
            after, more = 0, True
            while more:
                after, page = inspect.listing(spool, state, after, null_recipient=null_recipient)
                more = bool(after)
                yield from page


def _flush_message(command: Command, directory: str | None, queue_id: str) -> int:
    access = _flushing(command, directory)
    from spoolmta.spool import admin, inspect

    with access.spool() as spool:
        entry = inspect.find(spool, queue_id)
        if entry is None:
            command.warn(f"{queue_id}: no such message in the queue")
            return 0
        with spool.transaction() as tx:
            admin.make_due(tx, [entry.message_id])
            admin.request_flush(tx)
    access.poke("qmgr", "trivial_rewrite")
    return 0


def _flush_site(command: Command, directory: str | None, site: str) -> int:
    if not site.startswith("[") and parse_address(site) is not None:
        command.fatal(f'Cannot flush mail queue - invalid destination: "{site}"')
    access = Access(directory)
    domains = access.configuration.section(QueueCommandParameters).fast_flush_domains
    if not _is_in(domains, site, parents=_parents(access)):
        command.fatal(f'Flush service is not configured for destination "{site}"')
    _flushing(command, directory)
    from spoolmta.spool import admin, selection
    from spoolmta.spool.state import State

    with access.spool() as spool:
        wanted = selection.Selector(states=(State.DEFERRED,), domain=(site,))
        ids = selection.select(spool, wanted).message_ids
        with spool.transaction() as tx:
            admin.make_due(tx, ids)
            admin.request_flush(tx)
    access.poke("qmgr", "trivial_rewrite")
    return 0


def _parents(access: Access) -> bool:
    features = access.parameters.parent_domain_matches_subdomains.replace(",", " ").split()
    return "fast_flush_domains" in features


def _flushing(command: Command, directory: str | None) -> Access:
    """Return the way to the spool, if this user may flush it and somebody is there to deliver."""
    access = Access(directory)
    _authorize(command, access, "authorized_flush_users", "flush the mail queue")
    if master_pid(access.process_directory) is None:
        command.fatal("Cannot flush mail queue - mail system is down")
    return access


def _authorize(command: Command, access: Access, parameter: str, deed: str) -> None:
    """End the command if the user who runs it is not in the list; root and mail_owner are."""
    users = str(getattr(access.configuration.section(QueueCommandParameters), parameter))
    user = _user_name()
    if users == ANYONE or os.getuid() == 0 or user == access.parameters.mail_owner:
        return
    if not _is_in(users, user):
        command.log_fatal(
            access.configuration, f"User {user}({os.getuid()}) is not allowed to {deed}"
        )


def _is_in(text: str, name: str, *, parents: bool = False) -> bool:
    import asyncio

    from spoolmta.maps import open_match_list

    return asyncio.run(open_match_list(text, parents=parents).matches(name))


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "unknown"


if __name__ == "__main__":
    main()
