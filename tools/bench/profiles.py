"""What is measured: each profile is a way of sending and a way of delivering."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of load. Sizes in bytes; *share* scales the number of messages."""

    name: str
    meaning: str
    sessions: int = 20
    size: int = 4096
    recipients: int = 1
    keeps_connections: bool = False
    relays: bool = True
    share: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("relay", "accepted and relayed, a connection for each message"),
        Profile(
            "reuse",
            "accepted and relayed, many messages a connection",
            keeps_connections=True,
        ),
        Profile(
            "accept",
            "accepted and discarded: what receiving costs",
            relays=False,
        ),
        Profile(
            "recipients",
            "accepted and relayed, 20 recipients a message",
            recipients=20,
            share=0.3,
        ),
        Profile("large", "accepted and relayed, 1 MB messages", size=1_000_000, share=0.05),
    )
}

# main.cf of both systems, beside folders and ports. The first two lift brakes that a burst from
# one client would meet; mail still goes through the queue and is on the disk before each 250.
SETTINGS = {
    "in_flow_delay": "0s",
    "smtpd_client_event_limit_exceptions": "static:all",
    "smtp_tls_security_level": "none",
    "smtpd_tls_security_level": "none",
    "message_size_limit": "20480000",
    "smtputf8_enable": "yes",
}
