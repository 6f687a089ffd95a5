"""The verbs of the native command, as typer has them: options, help, and what is called.

Must not: import more than a verb needs; whatever is heavy is imported inside it
"""

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
app.add_typer(scheduler.app, name="scheduler")
app.command("why")(why.why)
app.command("undo")(undo.undo)
app.command("trace")(trace.trace)
app.command("reasons")(reasons.reasons)
app.command("top")(top.top)
app.command("eta")(eta.eta)
app.command("incident")(incident.incident)
app.command("in-doubt")(in_doubt.in_doubt)
app.command("events")(events.events)
app.command("audit")(audit.audit)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
app.command("explain")(explain.explain)
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
    from spoolmta.cli.serve import serve as run

    raise typer.Exit(run(context.obj))


@app.command()
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
