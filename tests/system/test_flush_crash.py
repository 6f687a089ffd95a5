"""A flush of a deep queue that is killed in the middle goes on: real processes, a real spool."""

import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from spoolmta.clock import SystemClock
from spoolmta.spool.connection import FILE_NAME, Spool
from tests.support.forked import BIN
from tests.support.mail_system import MailSystem, wait_for
from tools.bench.backlog import Backlog

MESSAGES = 6_000
SETTINGS = {
    "transport_maps": "inline:{.slow.example=discard:, slow.example=discard:}",
    "default_destination_recipient_limit": "50",
}
NOT_DUE = "SELECT count(*) FROM deferred WHERE NOT asked"


def killed_after_a_slice(spool: Spool, flush: subprocess.Popen[bytes]) -> bool:
    """Kill a flush while it has to wait, if it has done a part; tell whether it has."""
    with spool.gate():
        ((_, _, reached_id),) = spool.read("load_whole_flush") or [(0, 0, 0)]
        if reached_id:
            flush.kill()
        return bool(reached_id)


@pytest.mark.slow
@pytest.mark.parametrize("with_it", [False, True], ids=["alone", "with the mail system"])
def test_a_flush_that_is_killed_goes_on(tmp_path: Path, with_it: bool) -> None:
    system = MailSystem(tmp_path, SETTINGS)
    Spool.open(system.queue / FILE_NAME, SystemClock(), create=True).close()
    Backlog(MESSAGES, destinations=100).fill(system.queue / FILE_NAME)
    with system:
        command = [BIN / "postqueue", "-c", system.configuration, "-f"]
        spool = Spool.open(system.queue / FILE_NAME, SystemClock())
        with closing(spool), subprocess.Popen(command) as flush:
            wait_for(lambda: killed_after_a_slice(spool, flush), 60, "a slice")
            if with_it:
                system.kill()
        assert flush.returncode == -signal.SIGKILL, "it was over before it could be killed"
        if with_it:
            assert system.read(NOT_DUE) != [(0,)]
            system.start()
        system.wait_until_empty(120)
        assert system.read("SELECT * FROM whole_flush") == []
