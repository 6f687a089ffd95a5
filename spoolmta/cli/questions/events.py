"""spoolmta events: the journal as JSON lines, each with the cursor to go on from."""

from typing import Annotated

import typer


def events(
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, until stopped.")
    ] = False,
    after: Annotated[
        int | None,
        typer.Option(
            metavar="CURSOR", help="Only what came later than this one.", min=0, max=(1 << 63) - 1
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help='An age, "2h", or "2026-11-30 03:15".')
    ] = None,
) -> None:
    """Print what happened, one JSON object a line, oldest first, that of gone mail included.

    Each has a cursor: who asks again with --after the last one misses nothing and sees nothing
    twice, whatever was restarted or moved to the history meanwhile. With --follow alone it begins
    now.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import event_stream

    event_stream.run(Access(context.obj), after=after, since=since, follow=follow)
