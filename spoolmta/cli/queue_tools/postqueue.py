"""postqueue and mailq: list the queue, ask for delivery now.

The listing comes from public/showq, so that any user may have it; while the mail system is down,
who may read the spool gets it from there. Who does not own the spool asks at public/flush.

Postfix:    postqueue(1)
Parameters: authorized_mailq_users, authorized_flush_users, fast_flush_domains,
            enable_long_queue_ids, empty_address_recipient, info_log_address_format
Must not:   import for a listing what only a flush needs
"""

import os
import pwd
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from spoolmta.cli.access import Access
from spoolmta.cli.command_line import EX_TEMPFAIL, EX_UNAVAILABLE, Command, write_raw
from spoolmta.cli.queue_tools import mailq as mailq_format
from spoolmta.cli.running import master_pid
from spoolmta.config.parameters.log import LogParameters
from spoolmta.config.parameters.postqueue import QueueCommandParameters
from spoolmta.errors import SpoolUnusable
from spoolmta.message.queue_id import is_queue_id
from spoolmta.protocols import flush
from spoolmta.protocols.flush import Request
from spoolmta.protocols.showq import ListedMessage, Parser

USAGE = "postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"
ANYONE = "static:anyone"
FLUSH_DEED = "flush the mail queue"

_LETTERS = "c:fi:jps:v"
_MAILQ_LETTERS = "A:B:C:EF:GIL:N:O:R:UV:X:b:e:f:h:imno:p:r:q:tvx"
_RECEIVE_BYTES = 65536


def main() -> NoReturn:
    """Run postqueue."""
    command = Command("postqueue", EX_UNAVAILABLE)
    command.run(lambda: _postqueue(command, sys.argv[1:]))


def mailq() -> NoReturn:
    """Run mailq: the options of sendmail(1) are taken; but for -C and -q they mean nothing here."""
    if "-q" in sys.argv[1:]:
        sys.argv[:] = ["postqueue", "-f"]
        main()
    command = Command("mailq", EX_UNAVAILABLE)
    arguments, usage = sys.argv[1:], "mailq [options]"
    options, operands = command.options(arguments, _MAILQ_LETTERS, usage, EX_TEMPFAIL)
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
    return _flush(command, Access(directory), Request(flush.ALL))


def _postqueue(command: Command, arguments: Sequence[str]) -> int:
    options, operands = command.options(arguments, _LETTERS, USAGE)
    chosen = [(name, value) for name, value in options if name not in ("-c", "-v")]
    directory = dict(options).get("-c")
    if len(chosen) != 1 or operands:
        command.fatal(f"usage: {USAGE}")
    ((name, value),) = chosen
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
    from spoolmta.spool.questions import listing

    try:
        access.require_spool()
    except SpoolUnusable as unusable:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            command.fatal(f"Queue report unavailable - mail system is down ({unusable})")
        command.fatal(f"Connect to the Postfix showq service: {error.strerror}")
    command.warn(
        "Mail system is down -- accessing queue directly"
        f" (Connect to the Postfix showq service: {error.strerror})"
    )
    null_recipient = access.parameters.empty_address_recipient
    form = access.configuration.section(LogParameters).info_log_address_format
    with access.spool() as spool:
        for state in listing.LISTED_STATES:
            after, more = 0, True
            while more:
                after, page = listing.listed(
                    spool,
                    state,
                    after,
                    null_recipient=null_recipient,
                    external=form == "external",
                )
                more = bool(after)
                yield from page


def _flush_message(command: Command, directory: str | None, queue_id: str) -> int:
    access = Access(directory)
    _authorize_flush(command, access)
    if not is_queue_id(queue_id):
        text = f'Cannot flush queue ID - invalid name: "{queue_id}"'
        command.log_fatal(access.configuration, text)
    return _flush(command, access, Request(flush.MESSAGE, queue_id))


def _flush_site(command: Command, directory: str | None, site: str) -> int:
    import asyncio

    from spoolmta.address.flush_domains import open_flush_domains
    from spoolmta.address.hostname import is_hostname, literal_address

    access = Access(directory)
    _authorize_flush(command, access)
    is_literal = site.startswith("[")
    if literal_address(site) is None if is_literal else not is_hostname(site):
        text = f'Cannot flush mail queue - invalid destination: "{site}"'
        command.log_fatal(access.configuration, text)
    sites = open_flush_domains(access.configuration.section(QueueCommandParameters))
    if not asyncio.run(sites.matches(site)):
        _refuse_site(command, access, site)
    return _flush(command, access, Request(flush.SITE, site))


def _refuse_site(command: Command, access: Access, site: str) -> NoReturn:
    text = f'Flush service is not configured for destination "{site}"'
    command.log_fatal(access.configuration, text)


def _flush(command: Command, access: Access, request: Request) -> int:
    """Have mail tried now, by who owns the spool directly, else over the socket."""
    _authorize_flush(command, access)
    if not _owns_spool(access):
        _ask(command, access, request)
    elif master_pid(access.process_directory) is None:
        _tell_down(command, access, request)
    else:
        _flush_directly(access, request)
    return 0


def _flush_directly(access: Access, request: Request) -> None:
    """Have mail tried now, what is much slice by slice."""
    from spoolmta.service.crash import crash_point
    from spoolmta.spool.surgery import flushing

    with access.spool() as spool:
        slices: Iterator[int] = iter(())
        if request.verb == flush.ALL:
            slices = flushing.flush_all(spool)
        elif request.verb == flush.SITE:
            slices = flushing.flush_site(spool, request.operand)
        else:
            flushing.flush_message(spool, request.operand)
        for _ in slices:
            access.poke(*flushing.WAKES)
            crash_point("flush.after_slice")
    access.poke(*flushing.WAKES)


def _ask(command: Command, access: Access, request: Request) -> None:
    """Have the flush service do it.

    It judges for itself whether this user may ask: we are no witness.
    """
    path = access.queue_directory / flush.SOCKET
    answer = b""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(access.parameters.ipc_timeout)
            connection.connect(str(path))
            connection.sendall(flush.format_request(request))
            while data := connection.recv(_RECEIVE_BYTES):
                answer += data
        except OSError as error:
            _tell_down(command, access, request, error)
    status = flush.parse_answer(answer)
    if status == flush.DENIED:
        _deny(command, access, FLUSH_DEED)
    elif status == flush.NOT_ELIGIBLE:
        _refuse_site(command, access, request.operand)
    elif status == flush.FAILED:
        command.log_fatal(access.configuration, "Cannot flush mail queue - the log says why")


def _tell_down(
    command: Command, access: Access, request: Request, error: OSError | None = None
) -> NoReturn:
    if request.verb != flush.ALL:
        why = "Connection refused" if error is None else error.strerror
        command.warn(f"connect to {flush.SOCKET}: {why}")
    command.log_fatal(access.configuration, "Cannot flush mail queue - mail system is down")


def _authorize_flush(command: Command, access: Access) -> None:
    _authorize(command, access, "authorized_flush_users", FLUSH_DEED)


def _authorize(command: Command, access: Access, parameter: str, deed: str) -> None:
    """End the command if the user who runs it is not in the list; root and mail_owner are."""
    users = str(getattr(access.configuration.section(QueueCommandParameters), parameter))
    if users == ANYONE or _owns_spool(access):
        return
    import asyncio

    from spoolmta.maps import open_match_list

    if not asyncio.run(open_match_list(users, exact=True).matches(_user_name())):
        _deny(command, access, deed)


def _deny(command: Command, access: Access, deed: str) -> NoReturn:
    text = f"User {_user_name()}({os.getuid()}) is not allowed to {deed}"
    command.log_fatal(access.configuration, text)


def _owns_spool(access: Access) -> bool:
    return os.getuid() == 0 or _user_name() == access.parameters.mail_owner


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "unknown"


if __name__ == "__main__":
    main()
