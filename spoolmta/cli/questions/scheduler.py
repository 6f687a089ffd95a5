"""spoolmta scheduler explain: which delivery goes next, and why the others do not."""

from typing import Annotated

import typer

from spoolmta.cli.limit import at_most

app = typer.Typer(
    help="Look at what the scheduler does.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


@app.callback()
def scheduler() -> None:
    """Look at what the scheduler does."""


@app.command("explain")
def explain(
    context: typer.Context,
    transport: Annotated[
        str, typer.Argument(metavar="[TRANSPORT]", help="Of this one alone.")
    ] = "",
    places: Annotated[int, at_most("So many of each destination.", least=1)] = 1,
    limit: Annotated[int, at_most("At most so many deliveries.", least=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one a line.")] = False,
) -> None:
    """Show what goes next of each transport and destination, and what holds the rest.

    The view v1_schedule has the same for every delivery that waits. Exit status 1 if there is no
    such transport.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import pick_order

    access = Access(context.obj)
    with access.spool() as spool:
        wanted = pick_order.Wanted(transport, places, limit)
        found = pick_order.show(spool, access.configuration, wanted, as_json=as_json)
    raise typer.Exit(0 if found else 1)
