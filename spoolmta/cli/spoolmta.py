"""spoolmta: the native command. `spoolmta --help` lists what it does.

    spoolmta [-c DIR] VERB ...

The configuration folder is named before the verb, or by MAIL_CONFIG. Everything that prints takes
--json. Exit status: 0 done, 1 not found or not all done, 2 called wrongly, 69 no spool to work
on, 75 try again later, 78 a broken configuration.

Must not: import more than a verb needs; whatever is heavy is imported inside it
"""

import sys
from typing import Annotated

import typer

from spoolmta.cli import queues, sink, sql, status, trace
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

app = typer.Typer(
    name="spoolmta",
    help="A complete mail transfer agent with a queue that can be queried.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(queues.app, name="queue")
app.command("trace")(trace.trace)
app.command("status")(status.status)
app.command("sql")(sql.sql)
app.command("sink")(sink.sink)


@app.callback()
def choose(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            "-c", "--config", metavar="DIR", help="Folder of main.cf and master.cf [MAIL_CONFIG]."
        ),
    ] = None,
) -> None:
    """A complete mail transfer agent with a queue that can be queried."""
    context.obj = config


@app.command()
def serve(context: typer.Context) -> None:
    """Run the mail system in the foreground until it is told to stop."""
    from spoolmta.cli.welcome import greet
    from spoolmta.master.supervisor import serve as run

    raise typer.Exit(run(context.obj, greet))


@app.command()
def check(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Say what in main.cf and master.cf is wrong, unknown or not supported."""
    from spoolmta.cli.check import Severity, findings
    from spoolmta.cli.check import main as run
    from spoolmta.cli.output import print_json

    if not as_json:
        raise typer.Exit(run(context.obj))
    found = findings(context.obj)
    for finding in found:
        print_json(finding)
    raise typer.Exit(int(any(finding.severity is Severity.ERROR for finding in found)))


@app.command()
def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the versions of spoolmta and of what it stands on."""
    import platform

    from spoolmta import __version__
    from spoolmta.cli.output import print_json
    from spoolmta.spool.question import sqlite_version

    versions = {
        "spoolmta": __version__,
        "sqlite": sqlite_version(),
        "python": platform.python_version(),
    }
    if as_json:
        print_json(versions)
    else:
        for name, text in versions.items():
            print(f"{name} {text}")


def main() -> None:
    """Run the command line; turn our exceptions into a sentence and an exit status."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="spoolmta")
    except SpoolmtaError as error:
        print(f"spoolmta: {error}", file=sys.stderr)
        sys.exit(exit_status(error))


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
