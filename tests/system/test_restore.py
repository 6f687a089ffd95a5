"""A restore that was killed, and the start of the mail system after it."""

from pathlib import Path

from spoolmta.clock import SystemClock
from spoolmta.spool import replacement
from spoolmta.spool.backup import back_up
from spoolmta.spool.connection import FILE_NAME
from tests.support.mail_system import MailSystem


def test_a_start_ends_a_restore_that_was_killed(tmp_path: Path) -> None:
    with MailSystem(tmp_path) as system:
        (spool,) = tmp_path.rglob(FILE_NAME)
        back_up(spool, spool.with_name("night.db"))
        system.stop()
        before = spool.stat().st_ino
        replacement.decide(spool.with_name("night.db"), spool, SystemClock().now())
        system.start()
        system.wait_for_log("ended what a killed spoolmta restore had begun")
        aside = min(spool.parent.glob(f"{FILE_NAME}.replaced-*"))
        assert aside.stat().st_ino == before
        assert spool.stat().st_ino != before
        system.send("a@x.example", ["alice@inbox.example"], "Subject: x\n\nx\n")
        system.wait_until_empty()
