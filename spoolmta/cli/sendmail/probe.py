"""The message of sendmail -bv: nobody gets it; its text says what would happen to it.

The text is what spoolmta explain says, as far as the caller may read the tables. The mail system
adds what it finds out itself, and mails both.

Postfix: sendmail(1) -bv
"""

from collections.abc import Iterator, Sequence

from spoolmta.address.quoting import quote
from spoolmta.cli.explanation.inquiry import Question
from spoolmta.cli.explanation.report import answer
from spoolmta.cli.explanation.story import story
from spoolmta.cli.sendmail.draft import Draft
from spoolmta.config.loader import load
from spoolmta.errors import SpoolmtaError

_HEADER = """\
Subject: probe
To: {recipients}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

"""


def draft_probe(
    draft: Draft, directory: str | None, recipients: Sequence[str], sender: str | None
) -> None:
    """Write the message for *recipients*; *sender* None is who asks."""
    header = _HEADER.format(recipients=",\n\t".join(map(quote, recipients)))
    lines = [line for one in recipients for line in _story(directory, one, sender)]
    text = header + "\n".join(lines) + "\n"
    draft.store(text.encode("utf-8", "replace").replace(b"\n", b"\r\n"))


def _story(directory: str | None, recipient: str, sender: str | None) -> Iterator[str]:
    try:
        told = answer(load(directory), Question(recipient, sender))
    except SpoolmtaError as error:
        yield f"Mail for <{recipient}> cannot be explained: {error}"
    else:
        yield from story(told)
    yield ""
