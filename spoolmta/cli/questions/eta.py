"""spoolmta eta: when the mail that waits for a domain will have left."""

from typing import Annotated

import typer


def eta(
    context: typer.Context,
    destination: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain of recipients.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Estimate when what waits for a domain will have been delivered, from recent rates.

    Exit status 1 if nothing waits for it.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import estimate_report

    access = Access(context.obj)
    with access.spool() as spool:
        found = estimate_report.show(spool, access.configuration, destination, as_json=as_json)
    raise typer.Exit(0 if found else 1)
