import asyncio

import uvloop

from spoolmta.stages.smtpd.connection import Connection
from spoolmta.stages.smtpd.server import Server
from tests.dialogs.smtpd import Smtpd


class Transport:
    """What a connection says, write by write."""

    def __init__(self):
        self.writes = []
        self.is_closed = False
        self.is_reading = True

    def get_extra_info(self, name):
        return ("127.0.0.1", 4711)

    def write(self, data):
        self.writes.append(data)

    def close(self):
        self.is_closed = True

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True


def run(folder, script, **settings):
    """Run *script* on a connection that has no network, and return what it said."""

    async def main():
        context = Smtpd(folder, settings).open_context()
        transport, ended = Transport(), asyncio.Event()
        connection = Connection(Server.open(context), lambda _: ended.set())
        connection.connection_made(transport)
        await script(connection, transport)
        connection.connection_lost(None)
        await asyncio.wait_for(ended.wait(), 5)
        await context.committer.close()
        context.spool.close()
        context.flush_logs()
        return transport

    return uvloop.run(main())


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def test_who_speaks_before_the_greeting_is_sent_away(tmp_path):
    async def script(connection, transport):
        connection.data_received(b"EHLO client.example\r\n")
        await until(lambda: transport.is_closed)

    transport = run(tmp_path, script)
    assert transport.writes == [b"554 5.5.0 Error: SMTP protocol synchronization\r\n"]


def test_the_replies_to_a_batch_leave_in_one_write(tmp_path):
    async def script(connection, transport):
        await until(lambda: transport.writes)
        connection.data_received(b"EHLO client.example\r\n")
        transport.writes.clear()
        batch = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<bob>\r\nRCPT TO:<nobody>\r\nDATA\r\n"
        connection.data_received(batch)

    transport = run(tmp_path, script)
    assert len(transport.writes) == 1
    assert transport.writes[0].count(b"\r\n") == 4


def test_a_batch_may_come_in_any_pieces(tmp_path):
    async def script(connection, transport):
        await until(lambda: transport.writes)
        for octet in b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob>\r\nDATA\r\n":
            connection.data_received(bytes([octet]))
        for octet in b"Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n":
            connection.data_received(bytes([octet]))
        await until(lambda: transport.is_closed)

    said = b"".join(run(tmp_path, script).writes)
    assert b"queued as" in said
    assert said.endswith(b"221 2.0.0 Bye\r\n")


def test_no_command_is_taken_while_replies_are_not(tmp_path):
    async def script(connection, transport):
        await until(lambda: transport.writes)
        transport.writes.clear()
        connection.pause_writing()
        connection.data_received(b"RSET\r\n")
        assert transport.writes == []
        connection.resume_writing()

    assert run(tmp_path, script).writes == [b"250 2.0.0 Ok\r\n"]


def test_reading_stops_when_much_waits_for_a_busy_handler(tmp_path):
    async def script(connection, transport):
        await until(lambda: transport.writes)
        commands = b"EHLO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<bob>\r\n", b"DATA\r\n"
        for command in commands:
            connection.data_received(command)
        connection.data_received(b".\r\n")
        connection.data_received(b"RSET\r\n" * 20_000)
        assert not transport.is_reading
        await until(lambda: transport.is_reading)

    said = b"".join(run(tmp_path, script, smtpd_junk_command_limit="100000").writes)
    assert said.count(b"250 2.0.0 Ok\r\n") == 20_000


def test_a_message_is_kept_although_its_client_has_gone(tmp_path):
    async def script(connection, transport):
        await until(lambda: transport.writes)
        for command in (b"EHLO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<bob>\r\n"):
            connection.data_received(command)
        connection.data_received(b"DATA\r\n")
        connection.data_received(b".\r\n")

    run(tmp_path, script)
    assert Smtpd(tmp_path).rows("SELECT sender FROM message") == [("a@b.test",)]
