"""The exceptions of spoolmta, as one tree.

Results of mail work (sent, deferred, bounced; accept, reject) are values, not exceptions.
An exception says that something could not be decided or done. One that is not in this tree
is a bug: the process that meets it logs it, gives its work back and starts afresh.

Must not: import anything of spoolmta.
"""


class SpoolmtaError(Exception):
    """Anything that spoolmta raises on purpose; the text is fit for a log line."""


class ConfigError(SpoolmtaError):
    """The configuration cannot be used; the text names file, line and what was expected.

    At start the process ends with "fatal:"; at a reload the old configuration stays in force.
    """


class UsageError(SpoolmtaError):
    """A command was called in a way that it does not take; the caller prints it and exits."""


class TemporaryError(SpoolmtaError):
    """Not now: the caller defers the delivery or answers 4xx. Mail is never lost by it."""


class MapUnavailable(TemporaryError):
    """A lookup table gave no answer. It is never "not found": answer 451 4.3.0 or defer."""


class DnsTryAgain(TemporaryError):
    """The name service gave no answer now: defer with 4.4.3."""


class SpoolBusy(TemporaryError):
    """The spool's write lock was not to be had in time: answer 451 4.3.0 and try again."""


class SpoolFull(TemporaryError):
    """The disk has no room for a commit: answer 452 4.3.1; delivery goes on."""


class SpoolFailed(TemporaryError):
    """An I/O error under a commit, its outcome unknown: answer 451 4.3.0 and leave the process."""


class ClaimLost(TemporaryError):
    """Somebody else owns the row now: drop the work without a word."""


class SpoolUnusable(SpoolmtaError):
    """The spool file cannot be used at all; the text says why and what the operator does."""


class NetworkError(SpoolmtaError):
    """A peer could not be reached or was lost; made in net/ alone, from OSError and ssl errors."""


class ConnectError(NetworkError):
    """No connection came about."""


class PeerTimeout(NetworkError):
    """The peer did not answer in time."""


class ConnectionLost(NetworkError):
    """The peer closed or reset the connection."""


class ProtocolError(SpoolmtaError):
    """Bytes that the protocol does not allow; made in protocols/ alone."""


class LocalProtocolError(ProtocolError):
    """We were about to break the protocol: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol."""


class Corrupt(SpoolmtaError):
    """A row or a message that no stage can understand goes to the corrupt table with this text."""
