"""Mail that goes on by SMTP to a server that answers as told."""

from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.scripted_server import DROP, HOST, Script, ScriptedServer


def relaying(make_mta: MakeMta, server: ScriptedServer, **settings: str) -> Mta:
    return make_mta(relayhost=f"[{HOST}]:{server.port}", **settings)


def serve(script: Script | None = None) -> ScriptedServer:
    return ScriptedServer(script)


def test_a_message_is_relayed_with_its_envelope_and_content(make_mta: MakeMta) -> None:
    with serve() as server:
        mta = relaying(make_mta, server)
        mta.submit("a@x.example", ["b@y.example", "c@y.example"])
        mta.run_until_idle()
    (message,) = server.messages
    assert (message.sender, message.recipients) == ("a@x.example", ["b@y.example", "c@y.example"])
    assert message.content.endswith(b"\r\n\r\nBody.\r\n")
    assert mta.states() == {}


def test_each_recipient_has_its_own_answer(make_mta: MakeMta) -> None:
    script = {"RCPT TO:<later@": "450 4.2.1 busy", "RCPT TO:<gone@": "550 5.1.1 unknown"}
    with serve(script) as server:
        mta = relaying(make_mta, server)
        mta.submit("alice@inbox.example", ["ok@y.example", "later@y.example", "gone@y.example"])
        mta.run_until_idle()
        assert [m.recipients for m in server.messages] == [["ok@y.example"]]
        assert mta.states() == {"deferred": 1}
        actions = mta.rows("SELECT action FROM outcome ORDER BY number")
        assert actions == [("sent",), ("deferred",), ("bounced",)]
        assert len(mta.maildir("inbox.example", "alice")) == 1


def test_a_destination_that_fails_is_left_alone_for_the_minimal_backoff(
    make_mta: MakeMta,
) -> None:
    with serve({"CONNECT": DROP}) as server:
        mta = relaying(make_mta, server, initial_destination_concurrency="1")
        for _ in range(5):
            mta.submit("a@x.example", ["b@y.example"])
        mta.run_until_idle()
        assert mta.states() == {"deferred": 5}
        reasons = [row[0] for row in mta.rows("SELECT reason FROM outcome")]
        suspended = [r for r in reasons if r.startswith("delivery temporarily suspended: ")]
        assert len(suspended) == 4


def test_a_flush_forgets_that_a_destination_was_dead(make_mta: MakeMta) -> None:
    with serve({"CONNECT": [DROP, "220 mx.test.example ESMTP"]}) as server:
        mta = relaying(make_mta, server, initial_destination_concurrency="1")
        mta.submit("a@x.example", ["b@y.example"])
        mta.run_until_idle()
        assert mta.states() == {"deferred": 1}
        mta.flush()
        mta.run_until_idle()
        assert mta.states() == {}


def test_the_dead_mark_survives_a_restart(make_mta: MakeMta) -> None:
    with serve({"CONNECT": [DROP, "220 mx.test.example ESMTP"]}) as server:
        settings = {"relayhost": f"[{HOST}]:{server.port}", "initial_destination_concurrency": "1"}
        mta = make_mta(**settings)
        mta.submit("a@x.example", ["b@y.example"])
        mta.run_until_idle()
        mta.restart(**settings)
        mta.submit("a@x.example", ["b@y.example"])
        mta.run_until_idle()
        assert (mta.states(), server.messages) == ({"deferred": 2}, [])
        mta.clock.jump(300)
        mta.run_until_idle()
        assert mta.states() == {}
