"""The verbs of the native command, as typer has them: options, help, and what is called.

Must not: import more than a verb needs; whatever is heavy is imported inside it
"""

from collections.abc import Callable
from typing import Annotated

import typer

from spoolmta.cli import backup, restore, sink
from spoolmta.cli.explanation import explain
from spoolmta.cli.messages import queues, undo
from spoolmta.cli.questions import (
    audit,
    eta,
    events,
    in_doubt,
    incident,
    reasons,
    scheduler,
    sql,
    status,
    top,
    trace,
    why,
)
from spoolmta.cli.sections import Sections
from spoolmta.cli.standing_rules import rules

RUN = "Run it"
ASK = "Ask it"
CHANGE = "Change the queue"
KEEP = "Keep it, and prove it"


app = typer.Typer(
    name="spoolmta",
    cls=Sections,
    help="A complete mail transfer agent with a queue that can be queried.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _verb(section: str, name: str, short: str, function: Callable[..., None]) -> None:
    app.command(name, short_help=short, rich_help_panel=section)(function)


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


def serve(context: typer.Context) -> None:
    """Run the mail system in the foreground until it is told to stop."""
    from spoolmta.cli.serve import serve as run

    raise typer.Exit(run(context.obj))


def check(
    context: typer.Context,
    against_queue: Annotated[
        str | None,
        typer.Option(metavar="NEWDIR", help="Whose mail in the queue would go elsewhere?"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Say what in main.cf and master.cf is wrong, unknown or not supported.

    With --against-queue: resolve every queued recipient with this configuration and with that of
    NEWDIR. Exit status: 0 no route changes, 1 some do, 75 a table gives no answer.
    """
    if against_queue is not None:
        from spoolmta.cli.checking import queue_routes

        raise typer.Exit(queue_routes.show(context.obj, against_queue, as_json=as_json))
    from spoolmta.cli.checking.check import Severity, report
    from spoolmta.cli.checking.check import main as run
    from spoolmta.cli.output import print_json

    if not as_json:
        raise typer.Exit(run(context.obj))
    failed = False
    for entry in report(context.obj):
        failed = failed or entry.get("severity") is Severity.ERROR
        print_json(entry)
    raise typer.Exit(int(failed))


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the versions of spoolmta and of what it stands on."""
    import platform

    from spoolmta import __version__
    from spoolmta.cli.output import print_json
    from spoolmta.spool.questions.question import sqlite_version

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


_verb(RUN, "serve", "Run the mail system in the foreground.", serve)
_verb(RUN, "check", "Say what is wrong with main.cf and master.cf.", check)
_verb(RUN, "status", "Does it run, what waits, what does it use?", status.status)
_verb(RUN, "sink", "Receive mail, print it, answer as told: to try things with.", sink.sink)
_verb(RUN, "version", "Print the versions of spoolmta and what it stands on.", version)
_verb(ASK, "explain", "Where would mail for ADDRESS go, and why?", explain.explain)
_verb(ASK, "why", "What exactly holds this message, and what to do?", why.why)
_verb(ASK, "trace", "What happened to a message, also after its end?", trace.trace)
_verb(ASK, "reasons", "Why is mail deferred? Replies that mean the same, counted.", reasons.reasons)
_verb(ASK, "eta", "When will the mail for a domain have left?", eta.eta)
_verb(ASK, "top", "A live screen: states, rates, destinations, reasons.", top.top)
_verb(ASK, "sql", "Any other question, as a SELECT over documented views.", sql.sql)
_verb(ASK, "events", "The journal as JSON lines, with a cursor; --follow.", events.events)
app.add_typer(
    scheduler.app,
    name="scheduler",
    short_help="Which delivery goes next, and what holds the rest?",
    rich_help_panel=ASK,
)
app.add_typer(
    queues.app,
    name="queue",
    short_help="List, hold, reroute, return, delete … messages, by any selector.",
    rich_help_panel=CHANGE,
)
app.add_typer(
    rules.app,
    name="rule",
    short_help="Do so to all mail that fits, also what comes, until an end.",
    rich_help_panel=CHANGE,
)
_verb(CHANGE, "undo", "Take back what was done to the queue.", undo.undo)
_verb(CHANGE, "incident", "A stolen login: hold its mail, tell what has left.", incident.incident)
_verb(KEEP, "audit", "Account for every recipient ever accepted.", audit.audit)
_verb(KEEP, "in-doubt", "Which deliveries may a crash have repeated?", in_doubt.in_doubt)
_verb(KEEP, "backup", "Copy the whole spool while mail flows; verified.", backup.backup)
_verb(KEEP, "restore", "Put a backup in the place of the spool.", restore.restore)
