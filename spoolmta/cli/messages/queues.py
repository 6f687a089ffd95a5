"""spoolmta queue: list, show and count messages, and the verbs that change them.

Messages are named by queue ids ("-" reads them from standard input), or meant by filters (all of
those given must fit; of one that is repeated, any), or ALL. What is meant by filters or ALL is
shown, and asked about, before anything is done.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from spoolmta.cli.limit import at_most
from spoolmta.cli.messages.choice import Choice
from spoolmta.cli.messages.selection_options import with_selection

if TYPE_CHECKING:
    from spoolmta.cli.messages.queue_verbs import Verb

_STYLE = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    help="See the mail queue and change it.",
    no_args_is_help=True,
    context_settings=_STYLE,
    rich_markup_mode=None,
)
recipients = typer.Typer(
    help="Add, drop or replace a recipient of queued messages.",
    no_args_is_help=True,
    context_settings=_STYLE,
    rich_markup_mode=None,
)
app.add_typer(recipients, name="recipient")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="As it was then: 2h ago, or 2026-11-30 02:55."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would be done to, only.")]
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for the record.")]


@app.command("list")
@with_selection
def list_queue(
    context: typer.Context,
    choice: Choice,
    limit: Annotated[int, at_most("At most so many messages; 0: all.")] = 100,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List messages: oldest first, state by state; now, or as the queue was at a time."""
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import listing
    from spoolmta.cli.questions import past_queue

    with Access(context.obj).spool() as spool:
        if as_of is not None:
            complete = True
            past_queue.show_list(spool, choice, as_of, limit=limit, as_json=as_json)
        else:
            complete = listing.show(spool, choice, limit=limit, as_json=as_json)
    raise typer.Exit(0 if complete else 1)


@app.command("shape")
def show_shape(
    context: typer.Context,
    as_of: AsOf = None,
    limit: Annotated[int, at_most("At most so many domains; 0: all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show how many recipients wait for each domain, by age; now, or as it was at a time."""
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import past_queue

    with Access(context.obj).spool() as spool:
        past_queue.show_shape(spool, as_of, limit=limit, as_json=as_json)


@app.command("count")
@with_selection
def count(context: typer.Context, choice: Choice, as_json: AsJson = False) -> None:
    """Count messages by state."""
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import listing

    with Access(context.obj).spool() as spool:
        complete = listing.count(spool, choice, as_json=as_json)
    raise typer.Exit(0 if complete else 1)


@app.command("show")
def show_message(
    context: typer.Context,
    queue_id: Annotated[str, typer.Argument(metavar="ID")],
    headers: Annotated[bool, typer.Option("--headers", help="Print the header too.")] = False,
    body: Annotated[bool, typer.Option("--body", help="Print the body too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one message: envelope, recipients with their last answers, what comes next."""
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import shown_message

    with Access(context.obj).spool() as spool:
        parts = shown_message.Parts(headers=headers, body=body)
        found = shown_message.show(spool, queue_id, parts, as_json=as_json)
    raise typer.Exit(0 if found else 1)


@app.command("hold")
@with_selection
def hold(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Keep messages in the queue, untried and unexpired, until they are released."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.hold(because)
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("release")
@with_selection
def release(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Let held messages go: they are tried at once."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.release()
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("requeue")
@with_selection
def requeue(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Pass messages through cleanup again, as new ones: addresses and lifetime afresh."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.requeue()
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("delete")
@with_selection
def delete(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Delete messages; nobody is told. For trash_lifetime, undo brings them back."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.delete()
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("bounce")
@with_selection
def bounce(
    context: typer.Context,
    choice: Choice,
    text: Annotated[str, typer.Option("--text", help="What the senders are told.")] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Return messages to their senders, as undeliverable."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.bounce(text)
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("expire")
@with_selection
def expire(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Return messages to their senders as if they had been here too long."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.expire()
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("reroute")
@with_selection
def reroute(
    context: typer.Context,
    choice: Choice,
    to: Annotated[str, typer.Option("--to", metavar="TRANSPORT:NEXTHOP", help="Where to.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Send mail elsewhere, at once and at every later try, until that is undone.

    With --recipient or --domain: the mail of these recipients alone.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.reroute(queue_verbs.parse_route(to, Access(context.obj).configuration))
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("prioritise")
@with_selection
def prioritise(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Let messages go before all others, at once."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.prioritise()
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("sender")
@with_selection
def sender(
    context: typer.Context,
    choice: Choice,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="The sender; <> is null.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Change the envelope sender of messages."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.sender(to)
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@recipients.command("add")
@with_selection
def add_recipient(
    context: typer.Context,
    choice: Choice,
    address: Annotated[str, typer.Option("--address", metavar="ADDRESS", help="Who gets it, too.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Send messages to one more recipient."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.add_recipient(address)
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@recipients.command("drop")
@with_selection
def drop_recipient(
    context: typer.Context,
    choice: Choice,
    address: Annotated[
        str, typer.Option("--address", metavar="ADDRESS", help="Who gets nothing; * is a wildcard.")
    ],
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Take recipients that wait out of messages."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.drop_recipient(address)
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@recipients.command("replace")
@with_selection
def replace_recipient(
    context: typer.Context,
    choice: Choice,
    address: Annotated[
        str, typer.Option("--address", metavar="ADDRESS", help="The old one; * is a wildcard.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="The new one.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    because: Because = "",
    as_json: AsJson = False,
) -> None:
    """Give recipients that wait another address."""
    from spoolmta.cli.messages import queue_verbs

    verb = queue_verbs.replace_recipient(address, to)
    _operate(context, verb, choice, because, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("flush")
@with_selection
def flush(
    context: typer.Context,
    choice: Choice,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Try deferred messages now; without ID and filter: all of them."""
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import surgery
    from spoolmta.spool.surgery import flushing

    asked = surgery.Asked(author.who(), "", yes=yes, dry_run=dry_run, as_json=as_json)
    access = Access(context.obj)
    with access.spool() as spool:
        complete = surgery.flush(spool, choice, asked)
    access.poke(*flushing.WAKES)
    raise typer.Exit(0 if complete else 1)


def _operate(
    context: typer.Context,
    verb: "Verb",
    choice: Choice,
    because: str,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import surgery

    asked = surgery.Asked(author.who(), because, yes, dry_run, as_json)
    complete = surgery.run(Access(context.obj), verb, choice, asked)
    raise typer.Exit(0 if complete else 1)
