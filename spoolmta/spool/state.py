"""The names of the six state tables. A message is in exactly one of them."""

from enum import StrEnum


class State(StrEnum):
    """The state tables."""

    MAILDROP = "maildrop"
    INCOMING = "incoming"
    ACTIVE = "active"
    DEFERRED = "deferred"
    HOLD = "hold"
    CORRUPT = "corrupt"
