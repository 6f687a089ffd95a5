"""What the commands with Postfix's names share: their options, and how they end.

Options are parsed as getopt(3) does. A command ends with "NAME: fatal: TEXT" on standard error
and in the mail log, and with the exit status that Postfix has there.
"""

import getopt
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from spoolmta.config.loader import Configuration
from spoolmta.errors import SpoolmtaError, TemporaryError

EX_SOFTWARE = 1
EX_UNAVAILABLE = 69
EX_TEMPFAIL = 75


class Command(NamedTuple):
    """A command under its Postfix name; *status* is its exit status after a fatal error.

    *utf8* is false for those that do not tell people of characters that are no ASCII.
    """

    name: str
    status: int = EX_SOFTWARE
    utf8: bool = True

    def options(
        self, arguments: Sequence[str], letters: str, usage: str, status: int | None = None
    ) -> tuple[list[tuple[str, str]], list[str]]:
        """Return (options, operands); an option that is not known ends the command."""
        try:
            return getopt.getopt(list(arguments), letters)
        except getopt.GetoptError as error:
            wants = "requires argument" in error.msg
            text = "option requires an argument" if wants else "invalid option"
            self.tell(f"{text} -- '{error.opt}'")
            self.fatal(f"usage: {usage}", status)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.tell(f"warning: {text}")

    def fatal(self, text: str, status: int | None = None) -> NoReturn:
        """Print why the command ends, and end it."""
        self.tell(f"fatal: {text}")
        sys.exit(self.status if status is None else status)

    def tell(self, text: str) -> None:
        """Print a line on standard error."""
        sys.stderr.flush()
        sys.stderr.buffer.write(f"{self.name}: {masked(text, utf8=self.utf8)}\n".encode())
        sys.stderr.buffer.flush()

    def log_fatal(self, configuration: Configuration, text: str) -> NoReturn:
        """Print and log why the command ends, and end it."""
        from spoolmta.maillog import MailLog

        log = MailLog.open(configuration, self.name, command=True)
        log.fatal(text)
        log.close()
        self.fatal(text)

    def run(self, work: Callable[[], int]) -> NoReturn:
        """Run the command and exit; errors of ours become its fatal text."""
        try:
            status = work()
            sys.stdout.flush()
        except BrokenPipeError:
            # Who read our output has seen enough; nothing may be flushed into the pipe any more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = EX_SOFTWARE
        except TemporaryError as error:
            self.fatal(str(error), EX_TEMPFAIL)
        except SpoolmtaError as error:
            self.fatal(str(error))
        sys.exit(status)


def masked(text: str, *, utf8: bool) -> str:
    """Return *text* with a question mark for each byte that a terminal might obey."""
    if text.isascii() and text.isprintable():
        return text
    if not utf8:
        codes = text.encode("utf-8", "surrogateescape")
        return "".join(chr(code) if 32 <= code < 127 else "?" for code in codes)
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)


def write_raw(lines: Sequence[str] | str) -> None:
    """Write text to standard output with the bytes that came in, also where they are no UTF-8."""
    text = lines if isinstance(lines, str) else "".join(f"{line}\n" for line in lines)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
