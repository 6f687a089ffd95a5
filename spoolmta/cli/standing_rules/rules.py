"""spoolmta rule: standing rules for mail that is queued and mail that comes.

Must not: import what is heavy; the command line is built from it
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from spoolmta.cli.messages.choice import Filters
from spoolmta.cli.messages.selection_options import OPTIONS, as_command, options, take_filters

app = typer.Typer(
    help="Hold, suspend, reroute, slow down or bounce all mail that fits, until an end.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; must be given.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="As spoolmta rule list has it.")]

# Understood, so that what is said of them is clearer than that there is no such option.
_REFUSED: dict[str, Any] = {
    name: Annotated[kind, typer.Option(f"--{name.replace('_', '-')}", hidden=True)]
    for name, kind in (
        ("state", list[str] | None),
        ("reason", list[str] | None),
        ("older_than", str | None),
        ("where", list[str] | None),
    )
}


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Return *command* with the filters as options, which it gets as Filters."""

    def run(**values: Any) -> None:
        filters = take_filters(values)
        command(filters=filters, **values)

    return as_command(run, command, "filters", options(OPTIONS | _REFUSED))


@app.command("add")
@_with_filters
def add(
    context: typer.Context,
    action: Annotated[
        str,
        typer.Argument(metavar="ACTION", help="hold, suspend, reroute, slow-down or bounce."),
    ],
    filters: Filters,
    transport: Annotated[
        str,
        typer.Option("--transport", "--to", metavar="TRANSPORT:NEXTHOP", help="reroute: where to."),
    ] = "",
    concurrency: Annotated[
        int | None,
        typer.Option(metavar="N", help="slow-down: deliveries at once to a destination."),
    ] = None,
    pause: Annotated[
        str, typer.Option(metavar="TIME", help="slow-down: between two deliveries, as 2s.")
    ] = "",
    status: Annotated[
        str, typer.Option(metavar="5.X.Y", help="bounce: status code for the sender [5.7.1].")
    ] = "",
    text: Annotated[str, typer.Option("--text", help="bounce: what the sender is told.")] = "",
    because: Because = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="Local time at which it ends by itself.")
    ] = "",
    for_: Annotated[
        str, typer.Option("--for", metavar="AGE", help="Ends by itself after so long: 2h.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what queued mail it would bind, only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a rule: it binds queued mail that fits and all that comes, until it ends.

    Of different filters all must fit, of one that is repeated, any.
    """
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages.surgery import Asked
    from spoolmta.cli.standing_rules import making, terms

    asked = Asked(author.who(), because.strip(), yes, dry_run, as_json)
    access = Access(context.obj)
    said = terms.Said(
        action, filters, transport, concurrency, pause, status, text, because, until, for_
    )
    with access.spool() as spool:
        wanted = terms.parse(said, access.configuration, spool.clock.now())
        done = making.add(spool, wanted, asked)
    access.poke(*making.WAKES)
    raise typer.Exit(0 if done else 1)


@app.command("list")
def list_rules(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the rules in force."""
    from spoolmta.cli.access import Access
    from spoolmta.cli.standing_rules import report

    with Access(context.obj).spool() as spool:
        report.show_all(spool, everything=everything, as_json=as_json)


@app.command("show")
def show(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Show one rule: what it does with whose mail, who made it and why, its end."""
    from spoolmta.cli.access import Access
    from spoolmta.cli.standing_rules import report, terms

    with Access(context.obj).spool() as spool:
        found = report.show(spool, terms.parse_number(number), as_json=as_json)
    raise typer.Exit(0 if found else 1)


@app.command("remove")
def remove(
    context: typer.Context,
    number: Number,
    because: Because = "",
    release: Annotated[
        bool, typer.Option("--release", help="hold: let go what it holds, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End a rule now: mail that it kept goes on, but what it holds only with --release."""
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages.surgery import Asked
    from spoolmta.cli.standing_rules import making, terms

    asked = Asked(author.who(), terms.parse_because(because), as_json=as_json)
    access = Access(context.obj)
    with access.spool() as spool:
        chosen = terms.parse_number(number)
        done = making.remove(spool, chosen, asked, release=release)
    access.poke(*making.WAKES)
    raise typer.Exit(0 if done else 1)
