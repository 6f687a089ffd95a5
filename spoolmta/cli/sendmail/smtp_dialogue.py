"""sendmail -bs: an SMTP server on standard input and output, for the user who started it.

What it takes is handed in as if by sendmail, so that it needs neither the mail system nor a right
that the user does not have; who may send to whom is not asked.

Postfix:    sendmail(1) -bs, smtpd(8) "stand-alone"
RFC:        5321, 1870, 2920, 6152, 6531
Parameters: message_size_limit, line_length_limit, myhostname, mail_name, smtputf8_enable
Limits:     no BDAT, DSN, STARTTLS or AUTH
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from spoolmta.cli.sendmail.draft import Draft, TooLargeError
from spoolmta.cli.sendmail.hand_in import Message, hand_in
from spoolmta.config.loader import load
from spoolmta.config.parameters.pickup import SubmissionParameters
from spoolmta.errors import ConfigError, RemoteProtocolError
from spoolmta.protocols import submission
from spoolmta.protocols.smtp_server import Progress, ServerInput, out_of_order
from spoolmta.protocols.smtp_syntax import (
    Command,
    MailOptions,
    Refused,
    Reply,
    parse_command,
    parse_mail_options,
    parse_mailbox,
    parse_path,
)
from spoolmta.protocols.submission import Answer, Submission

_READ_BYTES = 65536

_OK = Reply(250, "2.0.0", "Ok")
_BAD_SENDER = Reply(501, "5.1.7", "Bad sender address syntax")
_BAD_RECIPIENT = Reply(501, "5.1.3", "Bad recipient address syntax")
_MAIL_SYNTAX = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address>")
_RCPT_SYNTAX = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
_UNKNOWN = Reply(502, "5.5.2", "Error: command not recognized")
_TOO_LARGE = Reply(552, "5.3.4", "Error: message file too big")
_TOO_MANY = Reply(452, "4.5.3", "Error: too many recipients")


def serve(directory: str | None) -> int:
    """Talk SMTP on standard input and output until QUIT or the end; return the exit status."""
    try:
        parameters = load(directory).section(SubmissionParameters)
    except ConfigError as error:
        print(f"sendmail: fatal: {error}", file=sys.stderr)
        return os.EX_TEMPFAIL
    dialogue = Dialogue(parameters, sys.stdout.buffer)
    try:
        dialogue.run(partial(os.read, 0))
    except BrokenPipeError:
        # Nobody reads our replies any more; nothing may be flushed into the pipe at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return os.EX_UNAVAILABLE
    return os.EX_OK


class Dialogue:
    """One session."""

    def __init__(self, parameters: SubmissionParameters, output: BinaryIO) -> None:
        self._parameters = parameters
        self._output = output
        self._input = ServerInput(parameters.line_length_limit)
        self._uid = os.getuid()
        self._greeted = False
        self._is_over = False
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._options = MailOptions()
        self._draft: Draft | None = None
        self._verbs: dict[bytes, Callable[[Command], Reply]] = {
            b"EHLO": self._ehlo,
            b"HELO": self._helo,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": lambda _: _OK,
            b"VRFY": self._vrfy,
            b"QUIT": self._quit,
        }

    def run(self, read: Callable[[int], bytes]) -> None:
        """Take what *read* gives until QUIT or the end; replies to a batch leave together."""
        greeting = f"{self._parameters.myhostname} ESMTP {self._parameters.mail_name}"
        self._send(Reply(220, "", greeting))
        self._output.flush()
        while not self._is_over and (data := read(_READ_BYTES)):
            self._input.receive(data)
            self._advance()
            self._output.flush()

    def _advance(self) -> None:
        while not self._is_over:
            if self._input.in_content:
                if self._input.is_empty:
                    return
                self._take(self._input.next_content())
                continue
            line = self._input.next_line()
            if line is None:
                return
            self._send(self._reply_to(parse_command(line)))

    def _reply_to(self, command: Command) -> Reply:
        verb = self._verbs.get(command.verb)
        if verb is None:
            return _UNKNOWN
        progress = Progress(self._greeted, self._sender is not None, len(self._recipients))
        try:
            return out_of_order(command.verb, progress) or verb(command)
        except Refused as refused:
            return refused.reply

    def _ehlo(self, command: Command) -> Reply:
        if not command.argument:
            return Reply(501, "", "Syntax: EHLO hostname")
        self._greeted = True
        self._reset()
        parameters = self._parameters
        limit = parameters.message_size_limit
        words = [parameters.myhostname, "PIPELINING", f"SIZE {limit}" if limit else "SIZE", "VRFY"]
        words += ["ENHANCEDSTATUSCODES", "8BITMIME"]
        if parameters.smtputf8_enable:
            words.append("SMTPUTF8")
        return Reply(250, "", "\n".join(words))

    def _helo(self, command: Command) -> Reply:
        if not command.argument:
            return Reply(501, "", "Syntax: HELO hostname")
        self._greeted = True
        self._reset()
        return Reply(250, "", self._parameters.myhostname)

    def _mail(self, command: Command) -> Reply:
        path = parse_path(command.argument, b"FROM:")
        if path is None:
            return _MAIL_SYNTAX
        mail_options = parse_mail_options(path[1])
        sender = parse_mailbox(path[0])
        if sender is None:
            return _BAD_SENDER
        limit = self._parameters.message_size_limit
        if limit and mail_options.size > limit:
            return Reply(552, "5.3.4", "Message size exceeds fixed limit")
        self._sender, self._options = sender, mail_options
        return Reply(250, "2.1.0", "Ok")

    def _rcpt(self, command: Command) -> Reply:
        path = parse_path(command.argument, b"TO:")
        if path is None:
            return _RCPT_SYNTAX
        recipient = parse_mailbox(path[0])
        if not recipient:
            return _BAD_RECIPIENT
        if len(self._recipients) >= submission.RECIPIENTS:
            return _TOO_MANY
        self._recipients.append(recipient)
        return Reply(250, "2.1.5", "Ok")

    def _data(self, _: Command) -> Reply:
        self._input.begin_data()
        self._draft = Draft(
            ignores_dots=True,
            line_endings="always",
            size_limit=self._parameters.message_size_limit,
        )
        return Reply(354, "", "End data with <CR><LF>.<CR><LF>")

    def _rset(self, _: Command) -> Reply:
        self._reset()
        return _OK

    def _vrfy(self, command: Command) -> Reply:
        if not command.argument:
            return Reply(501, "5.5.4", "Syntax: VRFY address")
        return Reply(252, "2.0.0", command.argument.decode("utf-8", "replace"))

    def _quit(self, _: Command) -> Reply:
        self._is_over = True
        return Reply(221, "2.0.0", "Bye")

    def _take(self, content: bytes) -> None:
        """Take content; hand the message in at its end."""
        if self._draft is not None:
            try:
                self._draft.store(content)
            except TooLargeError:
                self._draft = None
        if not self._input.in_content:
            self._send(_TOO_LARGE if self._draft is None else self._hand_in(self._draft))
            self._reset()

    def _hand_in(self, draft: Draft) -> Reply:
        if not draft.size:
            draft.store(b"\r\n")
        said = Submission(
            sender=self._sender,
            envid=self._options.envid,
            ret=self._options.ret,
            encoding=self._options.encoding,
            smtputf8=self._options.smtputf8,
        )
        try:
            submission.check(said, self._recipients)
        except RemoteProtocolError as error:
            return Reply(554, "5.5.0", f"Error: {error}")
        message = Message(self._uid, said, self._recipients, draft)
        return _reply(hand_in(self._parameters, message))

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []
        self._options = MailOptions()
        self._draft = None

    def _send(self, reply: Reply) -> None:
        self._output.write(reply.encode())


def _reply(answer: Answer) -> Reply:
    if not answer.status:
        return Reply(250, "2.0.0", f"Ok: queued as {answer.queue_id}")
    if answer.status == os.EX_TEMPFAIL:
        return Reply(451, "4.3.0", f"Error: {answer.text}")
    if answer.status == os.EX_UNAVAILABLE:
        return _TOO_LARGE
    return Reply(550, "5.7.1", f"Error: {answer.text}")
