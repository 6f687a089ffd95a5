from collections.abc import Callable
from pathlib import Path

import pytest

from spoolmta.agents import pipe
from spoolmta.errors import ConfigError
from spoolmta.message.outcome import Action, DeliveryRecipient, Outcome, Success
from tests.unit.agents.conftest import CONTENT, IS_ROOT, USER, Bench, Open

ME = f"user={USER.pw_name}"
Agent = Callable[..., Bench]


@pytest.fixture
def out(folder: Path) -> Path:
    """Where commands may write."""
    (folder / "out").mkdir()
    (folder / "out").chmod(0o1777)
    return folder / "out"


@pytest.fixture
def agent(bench: Open) -> Agent:
    """Opens the agent of a service "x": agent("flags=R", "argv=/bin/sh", name="value")."""

    def open_(*arguments: str, **settings: str) -> Bench:
        return bench(pipe, settings, arguments=(ME, *arguments))

    return open_


def shell(script: str, *arguments: str) -> tuple[str, ...]:
    """Return the attribute of a command that runs *script*; $$ stands for $ in master.cf."""
    return ("argv=/bin/sh", "-c", script.replace("$", "$$"), "sh", *arguments)


def _outcome(bench: Bench, *addresses: str, **more: object) -> Outcome:
    return bench.deliver(*(addresses or ("a@x.example",)), **more).outcomes[0]


def test_a_command_gets_the_message_unchanged(agent: Agent, out: Path) -> None:
    bench = agent(*shell(f"cat > {out}/m"))
    outcome = _outcome(bench)
    assert (outcome.action, outcome.dsn, outcome.reason, outcome.relay) == (
        Action.SENT,
        "2.0.0",
        "delivered via x service",
        "x",
    )
    assert outcome.tell_success is Success.RELAYED
    assert (out / "m").read_bytes() == CONTENT.replace(b"\r\n", b"\n")
    assert (out / "m").stat().st_uid == USER.pw_uid
    assert (out / "m").stat().st_mode & 0o777 == 0o600


def test_one_run_serves_all_recipients(agent: Agent, out: Path) -> None:
    bench = agent(*shell(f'echo "$*" >> {out}/calls; cat >/dev/null', "${recipient}"))
    report = bench.deliver("a@x.example", "b@x.example")
    assert [outcome.number for outcome in report.outcomes] == [0, 1]
    assert (out / "calls").read_text() == "a@x.example b@x.example\n"


def test_flags_change_the_message(agent: Agent, out: Path) -> None:
    bench = agent("flags=BDFOR.>", "eol=\\r\\n", *shell(f"cat > {out}/m"))
    recipients = (DeliveryRecipient(0, "a b@x.example", "orig@y.example", "", 0),)
    content = b"Subject: x\r\n\r\n.\r\n..b\r\nFrom here\r\n>From q\r\n"
    bench.deliver("a b@x.example", content=content, recipients=recipients)
    separator, _, rest = (out / "m").read_bytes().partition(b"\r\n")
    assert separator.startswith(b"From s@src.example  ")
    assert rest == (
        b"Return-Path: <s@src.example>\r\nX-Original-To: orig@y.example\r\n"
        b'Delivered-To: "a b"@x.example\r\nSubject: x\r\n\r\n'
        b"..\r\n...b\r\n>From here\r\n>From q\r\n\r\n"
    )


def test_the_null_sender_has_a_name(agent: Agent, out: Path) -> None:
    bench = agent("flags=R", *shell(f'{{ echo "$1"; cat; }} > {out}/m', "$sender"))
    bench.deliver("a@x.example", sender="")
    text = (out / "m").read_bytes()
    assert text.startswith(b"MAILER-DAEMON\nReturn-Path: <MAILER-DAEMON>\n")


def test_final_delivery_is_told_as_delivered(agent: Agent) -> None:
    outcome = _outcome(agent("flags=X", *shell("cat >/dev/null; echo '  all   well'; echo")))
    assert (outcome.tell_success, outcome.reply) == (Success.DELIVERED, "  all   well")
    assert outcome.reason == "delivered via x service (  all   well)"


def test_much_output_is_cut_in_the_log(agent: Agent) -> None:
    reason = _outcome(agent(*shell("cat >/dev/null; seq 1 1000"))).reason
    assert len(reason) == len("delivered via x service ()") + 100


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 75", (Action.DEFERRED, "4.3.0", "temporary failure")),
        ("exit 67", (Action.BOUNCED, "5.1.1", "user unknown")),
        ("exit 3", (Action.BOUNCED, "5.3.0", 'Command died with status 3: "/bin/sh"')),
        ("kill -9 $$", (Action.DEFERRED, "4.3.0", 'Command died with signal 9: "/bin/sh"')),
        ("echo 5.7.9 no; exit 75", (Action.BOUNCED, "5.7.9", "no ")),
        ("echo 4.2.2 full; exit 1", (Action.DEFERRED, "4.2.2", "full ")),
        ("echo hm; exit 65", (Action.BOUNCED, "5.6.0", "data format error. Command output: hm ")),
    ],
)
def test_the_end_of_the_command_is_the_end_of_the_delivery(
    agent: Agent, script: str, expected: tuple[Action, str, str]
) -> None:
    outcome = _outcome(agent(*shell(script)))
    assert (outcome.action, outcome.dsn, outcome.reason) == expected


def test_each_service_has_its_own_time_limit(agent: Agent) -> None:
    outcome = _outcome(agent(*shell("echo begun; exec sleep 60"), x_time_limit="1s"))
    assert (outcome.action, outcome.dsn) == (Action.BOUNCED, "5.3.0")
    assert outcome.reason == 'Command time limit exceeded: "/bin/sh". Command output: begun '


def test_a_message_that_is_too_large_for_the_command_is_returned(agent: Agent) -> None:
    outcome = _outcome(agent("size=10", *shell("cat >/dev/null")))
    assert (outcome.action, outcome.dsn, outcome.reason) == (
        Action.BOUNCED,
        "5.2.3",
        "message too large",
    )


def test_mail_that_was_here_before_is_a_loop(agent: Agent) -> None:
    bench = agent("flags=D", *shell("cat >/dev/null"))
    content = b"Subject: x\r\nDelivered-To: A@X.EXAMPLE\r\n\r\n"
    outcome = _outcome(bench, content=content)
    assert (outcome.dsn, outcome.reason) == ("5.4.6", "mail forwarding loop for a@x.example")
    assert _outcome(bench, "b@x.example", content=content).action is Action.SENT


@pytest.mark.parametrize("flag", ["D", "O"])
def test_a_header_for_one_recipient_is_not_given_to_several(agent: Agent, flag: str) -> None:
    bench = agent(f"flags={flag}", *shell("cat >/dev/null"))
    outcome = _outcome(bench, "a@x.example", "b@x.example")
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.5")
    assert f"pipe flag `{flag}' requires x_destination_recipient_limit = 1" in bench.log()


def test_an_unknown_macro_makes_mail_wait(agent: Agent) -> None:
    bench = agent("argv=/bin/echo", "${who}")
    outcome = _outcome(bench)
    assert (outcome.action, outcome.dsn, outcome.reason) == (
        Action.DEFERRED,
        "4.3.5",
        "mail system configuration error",
    )
    assert 'unknown macro name: "who"' in bench.log()


def test_a_command_sees_little_of_our_environment(
    agent: Agent, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("LANG", "C")
    bench = agent(
        *(
            "directory=/usr",
            "argv=/bin/sh",
            "-c",
            f"cat >/dev/null; /usr/bin/env > {out}/e; pwd > {out}/d",
        ),
        export_environment="LANG X=y",
    )
    bench.deliver("a@x.example")
    variables = set((out / "e").read_text().split())
    assert {"LANG=C", "X=y", "PATH=/usr/bin:/bin"} <= variables
    assert not any(text.startswith("SECRET") for text in variables)
    assert (out / "d").read_text() == "/usr\n"


@pytest.mark.parametrize("attribute", ["directory=/no/such/place", "chroot=/no/such/place"])
def test_a_folder_that_is_not_there_makes_mail_wait(agent: Agent, attribute: str) -> None:
    bench = agent(attribute, *shell("cat >/dev/null"))
    outcome = _outcome(bench)
    assert (outcome.action, outcome.dsn, outcome.reason) == (
        Action.DEFERRED,
        "4.3.0",
        "temporary failure",
    )
    assert "/no/such/place" in bench.log()


def test_a_program_that_is_not_there_makes_mail_wait(agent: Agent) -> None:
    outcome = _outcome(agent("argv=/no/such/program"))
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.0")
    assert "No such file or directory" in outcome.reason


@pytest.mark.root
def test_the_root_folder_can_be_another(agent: Agent, out: Path) -> None:
    bench = agent(f"chroot={out}", "argv=/no/shell/in/here")
    assert "No such file or directory" in _outcome(bench).reason
    (out / "sh").write_bytes(Path("/usr/bin/env").read_bytes())
    bench = agent(f"chroot={out}", "directory=/elsewhere", "argv=/sh")
    bench.deliver("a@x.example")
    assert "cannot change directory to /elsewhere" in bench.log()


def test_without_root_nobody_else_runs_a_command(bench: Open) -> None:
    other = "daemon" if USER.pw_name != "daemon" else "nobody"
    settings = {"mail_owner": "root"} if IS_ROOT else {}
    agent = bench(pipe, settings, arguments=(f"user={other}", "argv=/bin/cat"))
    outcome = _outcome(agent)
    assert (outcome.action, outcome.dsn) == (Action.DEFERRED, "4.3.5")
    assert "the mail system does not run as root" in outcome.reason
    assert "the mail system does not run as root: mail waits" in agent.log()


@pytest.mark.root
@pytest.mark.parametrize("user", ["root", "daemon"])
def test_a_service_whose_user_has_privileges_does_not_start(bench: Open, user: str) -> None:
    with pytest.raises(ConfigError, match="specifies"):
        bench(pipe, {}, arguments=(f"user={user}", "argv=/bin/cat"))


def test_a_large_message_arrives_whole(agent: Agent, out: Path) -> None:
    content = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 40_000
    bench = agent(*shell(f"cat > {out}/m"))
    assert _outcome(bench, content=content).action is Action.SENT
    assert (out / "m").read_bytes() == content.replace(b"\r\n", b"\n")


def test_a_command_that_does_not_read_may_still_take_the_message(agent: Agent) -> None:
    content = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 40_000
    assert _outcome(agent(*shell("exit 0")), content=content).action is Action.SENT
