"""sendmail: hand in mail as every Unix program does, and the other things that go by that name.

Exit statuses are Postfix's, of sysexits.h: 65 for data that cannot be mailed, 69 if the message is
too large, 77 for users who may not; and 75 whenever the caller should keep the mail and try again,
also because the command line cannot be obeyed.

Postfix:    sendmail(1)
Parameters: message_size_limit, sendmail_fix_line_endings
Must not:   print anything to standard output when it has taken a message, but that a report will
            be mailed
Limits:     see sendmail_options.py
"""

import gc
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from spoolmta.cli.sendmail import options as options
from spoolmta.cli.sendmail.options import BadUsageError, Options

# What only some calls need is imported where it is needed: sendmail must start fast.
if TYPE_CHECKING:
    from spoolmta.cli.sendmail.draft import Draft
    from spoolmta.config.parameters.pickup import SubmissionParameters
    from spoolmta.protocols.submission import Submission

_NO_RECIPIENTS = "Recipient addresses must be specified on the command line or via the -t option"
_NEEDS_PARSING = frozenset('<>"\\():;')


def main() -> NoReturn:
    """Run sendmail and exit."""
    try:
        asked = options.parse(sys.argv[1:], _tell)
    except BadUsageError as error:
        _fatal(str(error), os.EX_TEMPFAIL)
    status = _MODES[asked.mode](asked)
    # The interpreter collects once more as it ends, and that would take a tenth of all the time.
    gc.freeze()
    sys.exit(status)


def _deliver(asked: Options) -> int:
    """Hand in what stands on standard input, or with -bv a probe; return the exit status."""
    from spoolmta.cli.sendmail.draft import Draft

    asked.sender = _sender(asked.sender)
    if not asked.recipients and not asked.extract:
        _fatal_for_sender(asked, _NO_RECIPIENTS, os.EX_TEMPFAIL)
    if asked.verp:
        _refuse_verp(asked)
    parameters = _parameters(asked)
    recipients = [address for word in asked.recipients for address in _addresses(word)]
    if asked.verifies:
        from spoolmta.cli.sendmail.probe import draft_probe

        draft = Draft(ignores_dots=True, line_endings="never", size_limit=0)
        draft_probe(draft, asked.directory, recipients, asked.sender)
    else:
        draft = Draft(
            ignores_dots=asked.ignores_dots,
            line_endings=parameters.sendmail_fix_line_endings,
            size_limit=parameters.message_size_limit,
        )
        _read(asked, draft)
    return _hand_in(parameters, asked, recipients, draft)


def _read(asked: Options, draft: "Draft") -> None:
    from spoolmta.cli.sendmail.draft import TooLargeError

    try:
        draft.read(partial(os.read, 0))
    except OSError as error:
        _fatal_for_sender(asked, f"cannot read the message: {error.strerror}", os.EX_NOINPUT)
    except TooLargeError:
        _fatal_for_sender(asked, "message file too big", os.EX_UNAVAILABLE)


def _refuse_verp(asked: Options) -> None:
    if asked.sender == "":
        text = "-V option requires non-null sender address"
        _fatal_for_sender(asked, text, os.EX_TEMPFAIL)
    _tell("warning: -XV: there is no VERP yet; all recipients get mail from the same sender")


def _parameters(asked: Options) -> "SubmissionParameters":
    from spoolmta.config.loader import load
    from spoolmta.config.parameters.pickup import SubmissionParameters
    from spoolmta.errors import ConfigError

    try:
        return load(asked.directory).section(SubmissionParameters)
    except ConfigError as error:
        _fatal(str(error), os.EX_TEMPFAIL)


def _hand_in(
    parameters: "SubmissionParameters", asked: Options, recipients: list[str], draft: "Draft"
) -> int:
    from spoolmta.cli.sendmail.hand_in import Message, hand_in
    from spoolmta.errors import RemoteProtocolError
    from spoolmta.protocols import submission

    said = _submission(asked, recipients)
    try:
        submission.check(said, recipients)
    except RemoteProtocolError as error:
        _fatal_for_sender(asked, str(error), os.EX_DATAERR)
    answer = hand_in(parameters, Message(os.getuid(), said, recipients, draft))
    if answer.status:
        _fatal_for_sender(asked, answer.text, answer.status)
    if said.trace:
        print(f"Mail Delivery Status Report will be mailed to <{_sender_name(asked)}>.")
    return os.EX_OK


def _serve_smtp(asked: Options) -> int:
    from spoolmta.cli.sendmail.smtp_dialogue import serve

    return serve(asked.directory)


def _list_queue(asked: Options) -> int:
    _run_postqueue(asked, "-p")


def _flush(asked: Options) -> int:
    if asked.site is not None:
        _run_postqueue(asked, "-s", asked.site)
    if asked.queue_id is not None:
        _run_postqueue(asked, "-i", asked.queue_id)
    _run_postqueue(asked, "-f")


def _run_postqueue(asked: Options, *words: str) -> NoReturn:
    from spoolmta.cli.queue_tools.postqueue import main as postqueue

    _parameters(asked)
    sys.argv[:] = ["postqueue", *_directory(asked), *words]
    postqueue()


def _rebuild_aliases(asked: Options) -> int:
    from spoolmta.cli.tables.postalias import rebuild_aliases

    if asked.directory:
        os.environ["MAIL_CONFIG"] = asked.directory
    return rebuild_aliases(asked.alias_database)


def _ignore(asked: Options) -> int:
    """Do nothing, well."""
    del asked
    return os.EX_OK


def _start(asked: Options) -> int:
    """Start the mail system, as "postfix start" does."""
    program = Path(sys.argv[0]).with_name("postfix")
    try:
        os.execv(program, ["postfix", *_directory(asked), "start"])
    except OSError as error:
        _fatal(f"cannot run {program}: {error.strerror}", os.EX_UNAVAILABLE)


_MODES: Mapping[str, Callable[[Options], int]] = {
    options.DELIVER: _deliver,
    options.SMTP: _serve_smtp,
    options.LIST: _list_queue,
    options.ALIASES: _rebuild_aliases,
    options.FLUSH: _flush,
    options.FLUSH_SITE: _flush,
    options.FLUSH_MESSAGE: _flush,
    options.DAEMON: _start,
    options.IGNORE: _ignore,
}


def _submission(asked: Options, recipients: list[str]) -> "Submission":
    from spoolmta.protocols.submission import Submission

    return Submission(
        sender=asked.sender,
        full_name=asked.full_name if asked.full_name is not None else os.environ.get("NAME"),
        extract=asked.extract,
        envid=asked.envid,
        ret=asked.ret,
        encoding=asked.encoding,
        smtputf8=not all(map(str.isascii, (asked.sender or "", *recipients))),
        notify=asked.notify,
        trace=asked.trace,
    )


def _sender(given: str | None) -> str | None:
    """Return the sender in internal form; None if none is given."""
    if given is None:
        return None
    sender, *others = _addresses(given) or [""]
    if others:
        _tell(f"warning: -f option specified malformed sender: {given}")
    return sender


def _addresses(word: str) -> list[str]:
    """Return the addresses in one argument, in internal form; an empty one is the null address."""
    word = word.strip()
    if not _NEEDS_PARSING.isdisjoint(word):
        from spoolmta.address.address_list import parse_address_list

        return [listed.internal for listed in parse_address_list(word)]
    return word.replace(",", " ").split() or [""]


def _directory(asked: Options) -> list[str]:
    return ["-c", asked.directory] if asked.directory else []


def _sender_name(asked: Options) -> str:
    from spoolmta.message.submitter import find_submitter

    return find_submitter(os.getuid()).name if asked.sender is None else asked.sender


def _fatal_for_sender(asked: Options, text: str, status: int) -> NoReturn:
    _fatal(f"{_sender_name(asked)}({os.getuid()}): {text}", status)


def _fatal(text: str, status: int) -> NoReturn:
    _tell(f"fatal: {text}")
    sys.exit(status)


def _tell(text: str) -> None:
    print(f"sendmail: {text}", file=sys.stderr)
