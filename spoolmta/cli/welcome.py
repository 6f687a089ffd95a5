"""What `spoolmta serve` says when it runs on the built-in configuration: how to try it out."""

from pathlib import Path

from spoolmta.config import builtin
from spoolmta.config.loader import Configuration

_TEXT = """
spoolmta runs on its built-in configuration: no folder was named (-c DIR), MAIL_CONFIG is not set
and /etc/spoolmta does not exist.

  listens on   127.0.0.1, port {port} (SMTP)
  spool        {spool}
  mailboxes    {mailboxes}

Send a first mail, in another terminal:

  printf 'Subject: first mail\\n\\nhello\\n' | curl -sS smtp://127.0.0.1:{port} \\
      --mail-from me@{outside} --mail-rcpt {user}@{domain} -T -

See where it went:

  cat {inbox}/*

Ctrl-C stops; what is in the queue stays there.
"""


def greet(configuration: Configuration) -> None:
    """Print how to send a first mail; say nothing with a configuration of one's own."""
    if configuration.directory is not None:
        return
    folder = Path(configuration.value("queue_directory"))
    user = builtin.USERS[0]
    text = _TEXT.format(
        port=builtin.port(),
        spool=folder / "spool.db",
        mailboxes=f"{folder}/mail/{builtin.DOMAIN}/USER/ for {' and '.join(builtin.USERS)}",
        outside=builtin.OUTSIDE,
        user=user,
        domain=builtin.DOMAIN,
        inbox=f"{folder}/mail/{builtin.DOMAIN}/{user}/new",
    )
    print(text, flush=True)
