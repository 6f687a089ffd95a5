from spoolmta.clock import ManualClock
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.smtpd import SmtpdParameters
from spoolmta.stages.smtpd.storage import Storage


def storage(folder, clock=None, **settings):
    values = {"queue_directory": str(folder), "myhostname": "mx.example.test", **settings}
    text = "".join(f"{name} = {value}\n" for name, value in values.items())
    configuration = from_text(text, "smtp inet n - n - - smtpd\n")
    return Storage(configuration.section(SmtpdParameters), clock or ManualClock())


def test_a_disk_with_room_takes_mail(tmp_path):
    assert storage(tmp_path, message_size_limit="1000").has_room()


def test_a_disk_below_queue_minfree_takes_none(tmp_path):
    full = storage(tmp_path, queue_minfree=str(2**60))
    assert not full.has_room()
    assert full.free_bytes > 0


def test_a_message_and_a_half_must_fit(tmp_path):
    assert not storage(tmp_path, message_size_limit=str(2**60)).has_room()


def test_the_disk_is_not_asked_for_every_message(tmp_path):
    clock = ManualClock()
    asked = storage(tmp_path, clock, message_size_limit="1000")
    asked.has_room()
    asked.free_bytes = -1
    assert not asked.has_room()
    clock.jump(2)
    assert asked.has_room()
