"""A server that mail is sent to, and its names in logs and notices."""

from functools import cached_property

import msgspec


class Server(msgspec.Struct, frozen=True, dict=True):
    """One address of one host, or a unix-domain *path* (the host is then this machine).

    *best* tells that no server of the destination has a better MX *preference*.
    """

    name: str
    address: str
    port: int = 0
    path: str = ""
    preference: int = 0
    best: bool = True

    @cached_property
    def label(self) -> str:
        """The server in the text of a failure: "mx.example[192.0.2.1]"."""
        return f"{self.name}[{self.address}]"

    @cached_property
    def relay(self) -> str:
        """The server behind relay=: "mx.example[192.0.2.1]:25", "myhost[private/lmtp]"."""
        return f"{self.label}:{self.port}" if self.port else self.label

    @cached_property
    def key(self) -> tuple[str, int]:
        """What tells one server from another."""
        return self.address, self.port
