"""spoolmta restore: a backup becomes the spool, while the mail system is stopped."""

from pathlib import Path
from typing import Annotated

import typer

_LISTED = 20


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy by spoolmta backup.")],
    without_delivered: Annotated[
        bool, typer.Option("--without-delivered", help="Leave out what has been delivered since.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take all of it: what was delivered is sent again.")
    ] = False,
) -> None:
    """Put FILE in the place of the spool; the present spool is kept under another name.

    The mail system must be stopped. If the present spool has delivered mail of the backup since,
    nothing is done before you say what is to become of that. Exit status 1: nothing was changed.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.output import note
    from spoolmta.cli.running import keep_stopped
    from spoolmta.clock import SystemClock
    from spoolmta.errors import SpoolmtaError, SpoolUnusable, UsageError
    from spoolmta.spool import restore as work

    if force and without_delivered:
        raise UsageError("--force or --without-delivered, not both")
    access, clock = Access(context.obj), SystemClock()
    access.become_mail_owner()
    with keep_stopped(access.process_directory):
        try:
            verified, since = work.since(file.absolute(), access.spool_path, clock)
        except SpoolUnusable as error:
            raise SpoolmtaError(f"nothing was changed: {error}") from error
        told = [f"{queue_id} (whole)" for queue_id in since.ended.values()]
        told += [who for who, _ in since.sent.values()]
        if told and not (force or without_delivered):
            for line in told[:_LISTED]:
                note(f"  {line}")
            raise SpoolmtaError(
                f"nothing was changed: {len(told)} of these were delivered or ended after the"
                " backup was made; --without-delivered leaves them out, --force sends them again"
            )
        aside = work.restore(
            file.absolute(), access.spool_path, clock, since, drop=without_delivered
        )
    print(f"{access.spool_path}: restored, {verified.messages} messages were in the backup")
    if aside is not None:
        print(f"the spool that was there is {aside}")
