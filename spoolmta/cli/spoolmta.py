"""spoolmta: the native command. `spoolmta --help` lists what it does.

    spoolmta [-c DIR] VERB ...

The configuration folder is named before the verb, or by MAIL_CONFIG. Everything that prints takes
--json. Exit status: 0 done, 1 not found or not all done, 2 called wrongly, 69 no spool to work
on, 75 try again later, 78 a broken configuration.

Must not: import typer at the top: what the master imports stays in its memory for life
"""

import os
import sys
from collections.abc import Sequence

from spoolmta.cli import direct
from spoolmta.cli.serve import serve
from spoolmta.errors import (
    ConfigError,
    SpoolmtaError,
    SpoolUnusable,
    TemporaryError,
    UsageError,
)

NOT_DONE = 1
EX_USAGE = 2
EX_UNAVAILABLE = 69
EX_TEMPFAIL = 75
EX_CONFIG = 78


def main() -> None:
    """Run the command line; turn our exceptions into a sentence and an exit status."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        _run(sys.argv[1:])
    except BrokenPipeError:
        # Who read our output has seen enough; nothing may be flushed into the pipe any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOT_DONE)
    except SpoolmtaError as error:
        print(f"spoolmta: {error}", file=sys.stderr)
        sys.exit(exit_status(error))


def _run(arguments: Sequence[str]) -> None:
    match arguments:
        case ["serve"]:
            sys.exit(serve(None))
        case ["-c" | "--config", directory, "serve"]:
            sys.exit(serve(directory))
        case ["--version"]:
            arguments = ["version"]
    _refuse_empty(arguments)
    status = direct.run(arguments)
    if status is not None:
        sys.stdout.flush()
        sys.exit(status)
    from spoolmta.cli.verbs import app

    app(arguments, prog_name="spoolmta")


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse what a variable of the shell that is empty makes of a command line.

    Raises UsageError: a word is empty, or the value of an option.
    """
    for before, word in zip(("", *arguments), arguments, strict=False):
        option = word.removesuffix("=")
        if not word or (word.startswith("--") and word.endswith("=") and "=" not in option):
            name = option or (before if before.startswith("-") else "")
            raise UsageError(
                f"{name + ': ' if name else ''}an empty argument means nothing here (is a variable"
                " of the shell empty?); the null sender is <>"
            )


def exit_status(error: SpoolmtaError) -> int:
    """Return the exit status that tells a program what kind of failure it was."""
    statuses = {
        UsageError: EX_USAGE,
        ConfigError: EX_CONFIG,
        SpoolUnusable: EX_UNAVAILABLE,
        TemporaryError: EX_TEMPFAIL,
    }
    return next((code for kind, code in statuses.items() if isinstance(error, kind)), NOT_DONE)


if __name__ == "__main__":
    main()
