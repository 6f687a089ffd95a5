"""sendmail: hand in mail as every Unix program does, and the other things that go by that name.

Exit statuses are those of sysexits.h: 64 for a command line that cannot be obeyed, 65 for data
that cannot be mailed, 67 if the headers name no recipient, 69 if the message is too large, 77 for
users who may not; and 75 whenever the caller should keep the mail and try again.

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
        asked = options.parse(sys.argv[1:])
    except BadUsageError as error:
        _fatal(str(error), os.EX_USAGE)
    for warning in asked.warnings:
        _warn(warning)
    status = _MODES[asked.mode](asked)
    # The interpreter collects once more as it ends, and that would take a tenth of all the time.
    gc.freeze()
    sys.exit(status)


def _deliver(asked: Options) -> int:
    """Hand in what stands on standard input; return the exit status."""
    from spoolmta.cli.sendmail.draft import Draft, TooLargeError
    from spoolmta.errors import RemoteProtocolError
    from spoolmta.protocols import submission

    if not asked.recipients and not asked.extract:
        _fatal_for_user(_NO_RECIPIENTS, os.EX_USAGE)
    parameters = _parameters(asked)
    draft = Draft(
        ignores_dots=asked.ignores_dots,
        line_endings=parameters.sendmail_fix_line_endings,
        size_limit=parameters.message_size_limit,
    )
    recipients = [address for word in asked.recipients for address in _addresses(word)]
    try:
        draft.read(partial(os.read, 0))
        said = _submission(asked, recipients)
        submission.check(said, recipients)
    except OSError as error:
        _fatal_for_user(f"cannot read the message: {error.strerror}", os.EX_NOINPUT)
    except TooLargeError:
        _fatal_for_user("message file too big", os.EX_UNAVAILABLE)
    except RemoteProtocolError as error:
        _fatal_for_user(str(error), os.EX_DATAERR)
    return _hand_in(parameters, said, recipients, draft)


def _parameters(asked: Options) -> "SubmissionParameters":
    from spoolmta.config.loader import load
    from spoolmta.config.parameters.pickup import SubmissionParameters
    from spoolmta.errors import ConfigError

    try:
        return load(asked.directory).section(SubmissionParameters)
    except ConfigError as error:
        _fatal(str(error), os.EX_TEMPFAIL)


def _hand_in(
    parameters: "SubmissionParameters", said: "Submission", recipients: list[str], draft: "Draft"
) -> int:
    from spoolmta.cli.sendmail.hand_in import Message, hand_in

    answer = hand_in(parameters, Message(os.getuid(), said, recipients, draft))
    if answer.status:
        _fatal_for_user(answer.text, answer.status)
    if said.trace:
        sender = _user() if said.sender is None else said.sender
        print(f"Mail Delivery Status Report will be mailed to <{sender}>.")
    return os.EX_OK


def _verify(asked: Options) -> int:
    """Hand in a message that is delivered to nobody, and whose fate is reported."""
    from spoolmta.cli.sendmail.draft import Draft
    from spoolmta.cli.sendmail.probe import draft_probe

    if not asked.recipients:
        _fatal_for_user(_NO_RECIPIENTS, os.EX_USAGE)
    recipients = [address for word in asked.recipients for address in _addresses(word)]
    parameters = _parameters(asked)
    draft = Draft(ignores_dots=True, line_endings="never", size_limit=0)
    said = _submission(asked, recipients)
    draft_probe(draft, asked.directory, recipients, said.sender)
    return _hand_in(parameters, said, recipients, draft)


def _serve_smtp(asked: Options) -> int:
    from spoolmta.cli.sendmail.smtp_dialogue import serve

    return serve(asked.directory)


def _list_queue(asked: Options) -> int:
    from spoolmta.cli.queue_tools.postqueue import main as postqueue

    sys.argv[:] = ["postqueue", *_directory(asked), "-p"]
    postqueue()


def _flush(asked: Options) -> int:
    from spoolmta.cli.queue_tools.postqueue import main as postqueue

    words = {
        options.FLUSH: ["-f"],
        options.FLUSH_SITE: ["-s", asked.target],
        options.FLUSH_MESSAGE: ["-i", asked.target],
    }
    sys.argv[:] = ["postqueue", *_directory(asked), *words[asked.mode]]
    postqueue()


def _rebuild_aliases(asked: Options) -> int:
    from spoolmta.cli.tables.postalias import rebuild_aliases

    if asked.directory:
        os.environ["MAIL_CONFIG"] = asked.directory
    return rebuild_aliases()


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
    options.VERIFY: _verify,
}


def _submission(asked: Options, recipients: list[str]) -> "Submission":
    from spoolmta.protocols.submission import Submission

    sender = asked.sender
    if sender is not None:
        sender, *others = _addresses(sender) or [""]
        if others:
            _warn(f"-f option specified malformed sender: {asked.sender}")
    return Submission(
        sender=sender,
        full_name=asked.full_name if asked.full_name is not None else os.environ.get("NAME"),
        extract=asked.extract,
        envid=asked.envid,
        ret=asked.ret,
        encoding=asked.encoding,
        smtputf8=not all(map(str.isascii, (sender or "", *recipients))),
        notify=asked.notify,
        trace=asked.trace,
    )


def _addresses(word: str) -> list[str]:
    """Return the addresses in one argument, in internal form; an empty one is the null address."""
    word = word.strip()
    if not _NEEDS_PARSING.isdisjoint(word):
        from spoolmta.address.address_list import parse_address_list

        return [listed.internal for listed in parse_address_list(word)]
    return word.replace(",", " ").split() or [""]


def _directory(asked: Options) -> list[str]:
    return ["-c", asked.directory] if asked.directory else []


def _warn(text: str) -> None:
    print(f"sendmail: warning: {text}", file=sys.stderr)


def _user() -> str:
    from spoolmta.message.submitter import find_submitter

    return find_submitter(os.getuid()).name


def _fatal_for_user(text: str, status: int) -> NoReturn:
    _fatal(f"{_user()}({os.getuid()}): {text}", status)


def _fatal(text: str, status: int) -> NoReturn:
    print(f"sendmail: fatal: {text}", file=sys.stderr)
    sys.exit(status)
