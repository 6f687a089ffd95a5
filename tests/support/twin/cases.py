"""Sites and their mail, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LIMITS = {
    "compatibility_level": "3.6",
    "default_destination_recipient_limit": "1",
    "local_destination_recipient_limit": "1",
    "minimal_backoff_time": "1000s",
    "maximal_backoff_time": "4000s",
}
"""Deliveries of one recipient each, and no second tries."""

STOCK = {
    **LIMITS,
    "myhostname": "mx.test.example",
    "mydomain": "test.example",
    "mydestination": "",
    "local_recipient_maps": "",
    "mynetworks": "127.0.0.1/32",
    "alias_maps": "",
    "alias_database": "",
}
"""The main.cf that a site begins with, if it does not say otherwise."""


@dataclass(frozen=True)
class Mail:
    """One message; see `mail`."""

    sender: str | None
    recipients: tuple[str, ...]
    text: bytes
    by: str
    options: tuple[str, ...]
    mail_options: tuple[str, ...]
    rcpt_options: tuple[str, ...]
    about: str
    shows: tuple[str, ...]

    def __str__(self) -> str:
        """Say which case it is."""
        to = ", ".join(self.recipients)
        return f"<{self.sender}> to {to} by {self.by}" + (f" ({self.about})" if self.about else "")


@dataclass(frozen=True)
class Site:
    """One configuration and the mail that it gets.

    *main* are lines over the *stock* main.cf, *master* more services; *files* by name in
    $config_directory, of which those that main.cf names with "hash:" get built. Transports that
    are not in *real* are recorded. In all of them {etc} is $config_directory, {out} a folder that
    everybody may write to, whose files are part of the story, and {port} the SMTP port.
    """

    name: str
    main: str = ""
    cases: Sequence[Mail] = ()
    master: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    real: frozenset[str] | set[str] = frozenset()
    stock: Mapping[str, str] = field(default_factory=lambda: STOCK)

    def __str__(self) -> str:
        """Name the test."""
        return self.name.replace(" ", "-")


def mail(
    sender: str | None,
    recipients: str | Sequence[str],
    text: str | bytes | None = None,
    *,
    by: str = "inside",
    options: Sequence[str] = (),
    mail_options: Sequence[str] = (),
    rcpt_options: Sequence[str] = (),
    about: str = "",
    shows: str | Sequence[str] = (),
) -> Mail:
    r"""Return one message.

    *sender* and *recipients* (one, several, or none: "") are as the client writes them. *text* is
    header and body with \n line ends, as they are sent. *by*: "inside" or "outside" of mynetworks
    over SMTP, or "sendmail" with *options* (a sender of None leaves -f out). *shows* are texts that
    Postfix's story must have: what the case is for.
    """
    people = (recipients,) if isinstance(recipients, str) else tuple(recipients)
    people = tuple(person for person in people if person)
    if text is None:
        to = ", ".join(people)
        text = f"From: {sender or 'MAILER-DAEMON'}\nTo: {to}\nSubject: case\n\nhello\n"
    return Mail(
        sender,
        people,
        text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text,
        by,
        tuple(options),
        tuple(mail_options),
        tuple(rcpt_options),
        about,
        (shows,) if isinstance(shows, str) else tuple(shows),
    )
