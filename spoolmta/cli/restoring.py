"""How a backup is put in the place of the spool: what is asked, refused, done and told."""

from pathlib import Path
from typing import NamedTuple

from spoolmta.cli.output import note
from spoolmta.cli.units import plural
from spoolmta.clock import SystemClock
from spoolmta.errors import SpoolmtaError, SpoolUnusable, TemporaryError
from spoolmta.service.crash import crash_point
from spoolmta.spool import replacement
from spoolmta.spool import restore as work
from spoolmta.spool.restore import Since

_LISTED = 20


class Said(NamedTuple):
    """What is to become of mail that was delivered since, or may have been."""

    without_delivered: bool
    force: bool
    damaged: bool


def restore(backup: Path, spool: Path, said: Said) -> None:
    """Put *backup* in the place of *spool*, and tell where that is now.

    Raises SpoolmtaError: nothing was changed; the text says why, and what can be done.
    """
    clock = SystemClock()
    ended = replacement.finish(spool)
    if ended is not None:
        note(f"a restore that was killed is ended; the spool that was there is {ended}")
    try:
        verified, since = work.since(backup, spool)
    except SpoolUnusable as error:
        raise SpoolmtaError(f"nothing was changed: {error}") from error
    _require_word(since, said)
    try:
        ready = work.prepare(backup, spool, clock, since, drop=not said.force)
    except (OSError, TemporaryError) as error:
        raise SpoolmtaError(f"nothing was changed: {error}") from error
    crash_point("restore.before_decision")
    replacement.decide(ready, spool, clock.now())
    crash_point("restore.after_decision")
    aside = replacement.set_aside(spool)
    crash_point("restore.after_aside")
    replacement.put_in_place(spool)
    print(f"{spool}: restored, {verified.messages} messages were in the backup")
    if aside is not None:
        print(f"the {'damaged ' if since.damage else ''}spool that was there is {aside}")


def _require_word(since: Since, said: Said) -> None:
    """Refuse to go on without a word on mail that was delivered, or may have been."""
    unclear = bool(since.damage or since.unknown) and not said.damaged
    answered = said.without_delivered or said.force or (said.damaged and bool(since.damage))
    if not unclear and (answered or not since.told):
        return
    for line in since.told[:_LISTED]:
        note(f"  {line}")
    if since.told:
        note(f"{len(since.told)} of these were delivered or ended after the backup was made")
    for line in since.damage[:_LISTED]:
        note(f"cannot be read: {line}")
    if unclear:
        unknown = f"of {plural(len(since.unknown), 'message')} " if since.unknown else ""
        raise SpoolmtaError(
            f"nothing was changed: it cannot be told what became {unknown}after the backup was"
            " made, and it may have been delivered; --damaged restores all the same: what is known"
            " is left out (unless --force), the rest may be sent again, the present spool is put"
            " aside"
        )
    raise SpoolmtaError(
        "nothing was changed: --without-delivered leaves these out, --force sends them again"
    )
