"""spoolmta queue: list, show, hold, release, requeue, delete, flush.

Messages are named by queue ids, or meant by filters (all of those given must fit), or --all. With
filters or --all the number of messages is shown, and asked about, before anything is done.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from spoolmta.cli.queue_choice import Choice, Filters

app = typer.Typer(
    help="See the mail queue and change it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

State = Annotated[
    list[str] | None,
    typer.Option(
        "--state", help="maildrop, incoming, active, deferred, hold or corrupt; may be repeated."
    ),
]
Sender = Annotated[
    str | None, typer.Option("--sender", help="Envelope sender; * and ? are wildcards, <> is null.")
]
Recipient = Annotated[
    str | None, typer.Option("--recipient", help="A recipient that waits; wildcards as above.")
]
Domain = Annotated[str | None, typer.Option("--domain", help="Domain of a recipient that waits.")]
Nexthop = Annotated[str | None, typer.Option("--nexthop", help="Where the mail is routed to.")]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Some text out of the reason why it waits.")
]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", help="Arrived so long ago: 30m, 2h, 3d."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="As it was then: 2h ago, or 2026-11-30 02:55."),
]


@app.command("list")
def list_queue(
    context: typer.Context,
    state: State = None,
    sender: Sender = None,
    recipient: Recipient = None,
    domain: Domain = None,
    nexthop: Nexthop = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Annotated[int, typer.Option(help="At most so many messages; 0: all.")] = 100,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List messages: oldest first, state by state; now, or as the queue was at a time."""
    from spoolmta.cli import past_queue, queue_listing
    from spoolmta.cli.access import Access

    filters = Filters(state, sender, recipient, domain, nexthop, reason, older_than)
    with Access(context.obj).spool() as spool:
        if as_of is not None:
            past_queue.show_list(spool, filters, as_of, limit=limit, as_json=as_json)
        else:
            queue_listing.show(spool, filters, limit=limit, as_json=as_json)


@app.command("shape")
def show_shape(
    context: typer.Context,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(help="At most so many domains; 0: all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show how many recipients wait for each domain, by age; now, or as it was at a time."""
    from spoolmta.cli import past_queue
    from spoolmta.cli.access import Access

    with Access(context.obj).spool() as spool:
        past_queue.show_shape(spool, as_of, limit=limit, as_json=as_json)


@app.command("show")
def show_message(
    context: typer.Context,
    queue_id: Annotated[str, typer.Argument(metavar="ID")],
    headers: Annotated[bool, typer.Option("--headers", help="Print the header too.")] = False,
    body: Annotated[bool, typer.Option("--body", help="Print the body too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one message: envelope, recipients with their last answers, what comes next."""
    from spoolmta.cli import queue_message
    from spoolmta.cli.access import Access

    with Access(context.obj).spool() as spool:
        parts = queue_message.Parts(headers=headers, body=body)
        found = queue_message.show(spool, queue_id, parts, as_json=as_json)
    raise typer.Exit(0 if found else 1)


def _bulk_command(verb: str, purpose: str) -> Callable[..., None]:
    """Return the command for one of the verbs that change messages: they all look alike."""

    def command(
        context: typer.Context,
        ids: Annotated[list[str] | None, typer.Argument(metavar="ID...")] = None,
        everything: Annotated[bool, typer.Option("--all", help="Every message.")] = False,
        state: State = None,
        sender: Sender = None,
        recipient: Recipient = None,
        domain: Domain = None,
        nexthop: Nexthop = None,
        reason: Reason = None,
        older_than: OlderThan = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        as_json: AsJson = False,
    ) -> None:
        filters = Filters(state, sender, recipient, domain, nexthop, reason, older_than)
        choice = Choice(tuple(ids or ()), everything=everything, filters=filters)
        _operate(context, verb, choice, yes=yes, as_json=as_json)

    command.__doc__ = purpose
    return command


def _operate(
    context: typer.Context, verb: str, choice: Choice, *, yes: bool, as_json: bool
) -> None:
    from spoolmta.cli import queue_surgery
    from spoolmta.cli.access import Access

    access = Access(context.obj)
    with access.spool() as spool:
        complete = queue_surgery.operate(spool, verb, choice, yes=yes, as_json=as_json)
    access.poke(*queue_surgery.WAKES[verb])
    raise typer.Exit(0 if complete else 1)


for _verb, _purpose in {
    "hold": "Keep messages in the queue, untried and unexpired, until they are released.",
    "release": "Let held messages go: they are tried at once.",
    "requeue": "Pass messages through cleanup again, as new ones: addresses and lifetime afresh.",
    "delete": "Delete messages for good; nobody is told.",
    "flush": "Try deferred messages now; without ID and filter: all of them.",
}.items():
    app.command(_verb)(_bulk_command(_verb, _purpose))
