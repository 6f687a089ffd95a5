"""When the keeper looks for dead processes."""

import asyncio
import getpass
import subprocess
import sys
from pathlib import Path

from spoolmta.config.loader import load
from spoolmta.config.master_cf import Service
from spoolmta.maillog import MailLog
from spoolmta.message.queue_id import MessageIds
from spoolmta.service.context import ServiceContext
from spoolmta.service.poke import Wakeup
from spoolmta.spool.committer import Committer
from spoolmta.stages import keeper
from spoolmta.stages.keeper import BURIAL_SECONDS, LOOK_SECONDS
from tests.support.sample_spool import SampleSpool

REGISTER = """
import sys
from pathlib import Path
from spoolmta.clock import SystemClock
from spoolmta.spool import processes
from spoolmta.spool.connection import Spool
with Spool.open(Path(sys.argv[1]), SystemClock()).transaction() as tx:
    processes.register(tx, "pickup")
"""


def test_the_dead_are_found_at_a_poke_and_else_every_few_seconds(tmp_path: Path) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    asyncio.run(_look(sample))
    sample.close()


async def _look(sample: SampleSpool) -> None:
    context = _context(sample)
    stage = keeper.open_stage(context)
    await stage.run_once()

    _die_unretired(sample)
    sample.clock.jump(LOOK_SECONDS / 2)
    assert await stage.run_once() == 1

    _die_unretired(sample)
    sample.clock.jump(LOOK_SECONDS)
    assert await stage.run_once() == 0
    sample.clock.jump(BURIAL_SECONDS)
    assert await stage.run_once() == 1
    await context.committer.close()
    context.log.close()


def _die_unretired(sample: SampleSpool) -> None:
    """Let a process register and end without a word."""
    subprocess.run([sys.executable, "-c", REGISTER, sample.path], check=True)


def _context(sample: SampleSpool) -> ServiceContext:
    configuration = load(sample.configuration)
    return ServiceContext(
        configuration=configuration,
        service=Service(name="keeper", kind="unix", command="keeper"),
        log=MailLog.open(configuration, "keeper"),
        clock=sample.clock,
        spool=sample.spool,
        committer=Committer(sample.path, sample.clock),
        ids=MessageIds(1, sample.clock),
        process_id=sample.process_id,
        wakeup=Wakeup(None),
        poke=lambda _: None,
    )
