"""How mail is sent: by how many sessions, of what size, to whom."""

from dataclasses import dataclass

OUTSIDE = "outside.example"
LONGEST_RUN = 600.0


@dataclass(frozen=True, slots=True)
class Load:
    """One way of sending. The size is in bytes; *numbered*: each message has another recipient."""

    sessions: int = 20
    size: int = 4096
    recipients: int = 1
    keeps_connections: bool = False
    numbered: bool = False
    domain: str = OUTSIDE


ORDINARY = Load()
