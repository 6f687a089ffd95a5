"""spoolmta reasons: why mail waits, the replies that mean the same taken together."""

from typing import Annotated

import typer

from spoolmta.cli.limit import at_most


def reasons(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what is new since then: 2h, or 2026-11-30 02:00."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Look through all of a deep queue, not for 3 s only.")
    ] = False,
    limit: Annotated[int, at_most("At most so many reasons; 0: all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a reason a line.")] = False,
) -> None:
    """Show why mail is deferred: replies without their numbers, addresses and hosts, counted.

    With --since: the reasons of that time that the journal does not know from before.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import reason_clusters

    with Access(context.obj).spool() as spool:
        reason_clusters.show(spool, since=since, whole=whole, limit=limit, as_json=as_json)
