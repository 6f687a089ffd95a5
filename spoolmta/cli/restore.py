"""spoolmta restore: a backup becomes the spool, while the mail system is stopped."""

from pathlib import Path
from typing import Annotated

import typer


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy by spoolmta backup.")],
    without_delivered: Annotated[
        bool, typer.Option("--without-delivered", help="Leave out what has been delivered since.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take all of it: what was delivered is sent again.")
    ] = False,
    damaged: Annotated[
        bool,
        typer.Option(
            "--damaged",
            help="Go on although the present spool cannot be read. What it still tells of"
            " deliveries is left out (unless --force); of the rest some may be sent again.",
        ),
    ] = False,
) -> None:
    """Put FILE in the place of the spool; the present spool is kept under another name.

    The mail system must be stopped. If the present spool has delivered mail of the backup since,
    nothing is done before you say what is to become of that; nor if it cannot be read. Exit status
    1: nothing was changed.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.restoring import Said
    from spoolmta.cli.restoring import restore as work
    from spoolmta.cli.running import keep_stopped
    from spoolmta.errors import UsageError

    if force and without_delivered:
        raise UsageError("--force or --without-delivered, not both")
    access = Access(context.obj)
    access.become_mail_owner()
    with keep_stopped(access.process_directory):
        work(file.absolute(), access.spool_path, Said(without_delivered, force, damaged))
