"""spoolmta sql: a SELECT over the spool, for forensics; nothing can be changed by it."""

from typing import TYPE_CHECKING, Annotated

import typer

from spoolmta.cli.limit import at_most

if TYPE_CHECKING:
    from spoolmta.spool.questions.question import Answer


def sql(
    context: typer.Context,
    question: Annotated[
        str, typer.Argument(metavar="SELECT", help='"SELECT ... FROM v1_queue"')
    ] = "",
    seconds: Annotated[float, typer.Option(help="Stop after so long.", min=0)] = 10.0,
    limit: Annotated[int, at_most("At most so many rows.")] = 1000,
    columns: Annotated[
        bool, typer.Option("--columns", help="Say what each column of the views is.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one row a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Ask the spool a question in SQL; read-only, bounded in time and rows.

    The views v1_queue, v1_recipients, v1_deliveries, v1_attempts, v1_events, v1_destinations,
    v1_schedule, v1_rules, v1_processes and v1_states keep their columns; docs/forensics.md has
    examples.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.output import note
    from spoolmta.errors import UsageError
    from spoolmta.spool.questions import question as door

    if as_json and as_csv:
        raise UsageError("--json or --csv, not both")
    path = Access(context.obj).require_spool()
    if columns:
        answer = door.columns(path)
    else:
        answer = door.ask(path, question, seconds=seconds, limit=limit)
    _print(answer, as_json=as_json, as_csv=as_csv)
    if not answer.complete:
        note(f"(the first {limit} rows; --limit N shows more)")


def _print(answer: "Answer", *, as_json: bool, as_csv: bool) -> None:
    import csv
    import sys

    from spoolmta.cli.output import print_json, print_table

    rows = [[_json_value(cell) for cell in row] for row in answer.rows]
    if as_json:
        for row in rows:
            print_json(dict(zip(answer.columns, row, strict=True)))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows(rows)
    else:
        numbers = {
            name
            for index, name in enumerate(answer.columns)
            if rows and all(isinstance(row[index], int | float | None) for row in rows)
        }
        print_table(answer.columns, rows, right=numbers)


def _json_value(cell: object) -> object:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell
