"""Parameters of the keeper, which looks after the spool file."""

from spoolmta.config.parameter import LARGEST_SIZE, Section, number, seconds


class KeeperParameters(Section):
    """How long the spool remembers."""

    history_lifetime: float = seconds("5d", unit="d")  # how long the journal of gone mail is kept
    history_size_limit: int = number("4294967296", max=LARGEST_SIZE)  # bytes of it at most; 0: any
    trash_lifetime: float = seconds("1d", unit="h")  # how long deleted mail can be brought back
    trash_size_limit: int = number("1073741824", max=LARGEST_SIZE)  # bytes of it at most
