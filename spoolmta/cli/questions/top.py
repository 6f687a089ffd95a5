"""spoolmta top: the queue as a live screen."""

from typing import Annotated

import typer


def top(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two frames.", min=0.2)] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one frame as JSON.")] = False,
) -> None:
    """Show states, rates, destinations by age, and reasons, again and again.

    Keys: q ends, s sorts by number, by age or by name, any other key draws at once. Where the
    output is no terminal, one frame is printed.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import live_screen

    live_screen.run(Access(context.obj), interval=interval, once=once, as_json=as_json)
