"""Parameters of the keeper, which looks after the spool file."""

from spoolmta.config.parameter import Section, seconds


class KeeperParameters(Section):
    """How long the spool remembers."""

    history_lifetime: float = seconds("5d", unit="d")  # how long the journal of gone mail is kept
