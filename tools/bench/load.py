"""How mail is sent: by how many sessions, of what size, to whom."""

from dataclasses import dataclass

OUTSIDE = "outside.example"
LONGEST_RUN = 600.0
LARGE_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Load:
    """One way of sending. The size is in bytes; *numbered*: each message has another recipient."""

    sessions: int = 20
    size: int = 4096
    recipients: int = 1
    keeps_connections: bool = False
    numbered: bool = False
    domain: str = OUTSIDE

    @property
    def is_large(self) -> bool:
        """Tell whether the bytes count more than the messages."""
        return self.size >= LARGE_BYTES


ORDINARY = Load()
