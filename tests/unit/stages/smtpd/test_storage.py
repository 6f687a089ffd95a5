import shutil
from contextlib import closing

import pytest

from spoolmta.clock import ManualClock
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.smtpd import SmtpdParameters
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.stages.smtpd.storage import Storage


@pytest.fixture
def spool(tmp_path):
    with closing(Spool.open(tmp_path / FILE_NAME, ManualClock(), create=True)) as opened:
        yield opened


def storage(spool, **settings):
    folder = str(spool.path.parent)
    values = {"queue_directory": folder, "myhostname": "mx.example.test", **settings}
    text = "".join(f"{name} = {value}\n" for name, value in values.items())
    configuration = from_text(text, "smtp inet n - n - - smtpd\n")
    return Storage(configuration.section(SmtpdParameters), spool)


def test_a_disk_with_room_takes_mail(spool):
    assert storage(spool, message_size_limit="1000").has_room()


def test_a_disk_below_queue_minfree_takes_none(spool):
    full = storage(spool, queue_minfree=str(2**60))
    assert not full.has_room()
    assert full.free_bytes > 0


def test_a_message_and_a_half_must_fit(spool):
    assert not storage(spool, message_size_limit=str(2**60)).has_room()


def test_the_disk_is_not_asked_for_every_message(spool):
    asked = storage(spool, message_size_limit="1000")
    asked.has_room()
    asked.free_bytes = -1
    assert not asked.has_room()
    spool.clock.jump(2)
    assert asked.has_room()


def test_free_pages_of_the_spool_are_room(spool, tmp_path):
    with spool.transaction() as tx:
        tx.run("insert_content", (1, 0, bytes(64 << 20)))
    with spool.transaction() as tx:
        tx.run("delete_content", (1,))
    free_pages = spool.free_bytes()
    assert free_pages >= 64 << 20
    asked = storage(spool, message_size_limit="1000")
    asked.has_room()
    free_on_the_disk = shutil.disk_usage(tmp_path).free
    assert asked.free_bytes == pytest.approx(free_on_the_disk + free_pages, abs=32 << 20)
