"""spoolmta in-doubt: the deliveries that a crash may have repeated."""

from typing import Annotated

import typer


def in_doubt(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Crashes since then: 2h, or 2026-11-30 02:00")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one a line.")] = False,
) -> None:
    """List attempts that died between their beginning and their report, and what followed.

    Whether the next hop had said yes is not known: these recipients, and no others, may have a
    message twice.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import doubtful_deliveries

    access = Access(context.obj)
    with access.spool() as spool:
        doubtful_deliveries.show(spool, access.configuration, since=since, as_json=as_json)
