"""The two ways in for a message that sendmail(1) has read: over public/submit, or into maildrop.

The socket is asked first: it needs no right to the spool, and no SQLite in this process. If nobody
answers there, who owns the spool (or is root) writes maildrop itself.

Postfix: sendmail(1), postdrop(1)
Limits:  if the mail system dies between our last word and its answer, the mail may be there
         already when the caller tries again
"""

import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from spoolmta.cli.sendmail.draft import Draft
from spoolmta.config.parameters.pickup import SubmissionParameters
from spoolmta.errors import RemoteProtocolError
from spoolmta.protocols import submission
from spoolmta.protocols.submission import Answer, AnswerReader, Submission

_SOCKET = "public/submit"
_PATIENCE_SECONDS = 120.0
_BUSY_TRIES = 20
_BUSY_PAUSE_SECONDS = 0.25
_RECEIVE_BYTES = 4096


class Message(NamedTuple):
    """What is handed in; *uid* is the user who started this program."""

    uid: int
    submission: Submission
    recipients: Sequence[str]
    draft: Draft


def hand_in(parameters: SubmissionParameters, message: Message) -> Answer:
    """Hand a message in by the first way that is open; return what became of it."""
    queue_directory = Path(parameters.queue_directory)
    answer = _over_socket(queue_directory / _SOCKET, message)
    if answer is not None:
        return answer
    # Not at the top: most calls need no SQLite.
    from spoolmta.cli.sendmail.maildrop_entry import enter

    return enter(parameters, message)


def _over_socket(path: Path, message: Message) -> Answer | None:
    """Return what the mail system answers; None if it does not listen, and nothing was taken."""
    for attempt in range(_BUSY_TRIES):
        if attempt:
            time.sleep(_BUSY_PAUSE_SECONDS)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_SECONDS)
            reader = AnswerReader()
            try:
                connection.connect(os.fspath(path))
                answer = _greeting(connection, reader)
            except OSError:
                return None
            if answer is None:
                return _conversation(connection, reader, message) if reader.greeted else None
            if answer.status != os.EX_TEMPFAIL:
                return answer
    return answer


def _greeting(connection: socket.socket, reader: AnswerReader) -> Answer | None:
    """Wait until we may go on; return the answer if we may not."""
    while not reader.greeted:
        data = connection.recv(_RECEIVE_BYTES)
        if not data:
            return None
        if answer := reader.feed(data):
            return answer
    return None


def _conversation(connection: socket.socket, reader: AnswerReader, message: Message) -> Answer:
    try:
        connection.sendall(submission.format_begin(message.submission, message.recipients))
        for piece in message.draft.pieces():
            for frame in submission.format_content(piece):
                connection.sendall(frame)
        connection.sendall(submission.format_end())
    except OSError:
        pass  # refused early: the reason is waiting to be read
    try:
        while data := connection.recv(_RECEIVE_BYTES):
            if answer := reader.feed(data):
                return answer
    except (OSError, RemoteProtocolError) as error:
        return Answer(status=os.EX_TEMPFAIL, text=f"no answer from the mail system: {error}")
    return Answer(status=os.EX_TEMPFAIL, text="no answer from the mail system")
