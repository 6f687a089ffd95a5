"""postmap -q of tables behind sockets: the same output and status as Postfix, whatever is answered.

Standard error is not compared: Postfix prints what errno happened to be, ours says what is wrong.
Left out are answers to which Postfix's tcp client comes back ten times, a second apart; ours comes
back once, at once.
"""

from pathlib import Path

import pytest

from spoolmta.cli.tables import postmap
from tests.support.lookup_server import CLOSE, Answer, ScriptedLookups, netstring
from tests.support.oracle import needs_postfix, ours, postfix

pytestmark = needs_postfix

AGAIN = b"200 again\n"
OK_AGAIN = netstring(b"OK again")

TCP: list[tuple[str, list[Answer]]] = [
    ("Key", [b"200 ok\n"]),
    ("two words", [b"200 a%20b%25%0ax\n"]),
    ("100%", [b"200\tx\n"]),
    ("tab\there", [b"200  two  blanks \n"]),
    ("grüße", [b"200 gr\xc3\xbc%C3%9Fe\n"]),
    ("a\x7fb", [b"201 y\n"]),
    ("~", [b"299 y\n"]),
    ("key", [b"200 x\r\n"]),
    ("key", [b"200 a\0b\n"]),
    ("key", [b"200 a%00b\n"]),
    ("key", [b"200\n"]),
    ("key", [b"500 nope\n"]),
    ("key", [b"500  \n"]),
    ("key", [b"500\n"]),
    ("key", [b"550 x\n"]),
    ("key", [b"400 later\n"]),
    ("key", [b"400\n"]),
    ("key", [b"451 x\n"]),
    ("key", [b"200 a%zz\n"]),
    ("key", [b"200 a%4\n"]),
    ("key", [b"2000 x\n"]),
    ("key", [b"2xx y\n"]),
    ("key", [b"300 y\n"]),
    ("key", [b"250-x\n"]),
    ("key", [b"abc\n", AGAIN]),
    ("key", [b"\n"]),
    ("key", [b"200 \xff\n"]),
    ("key", [[b"200 ok\n", CLOSE]]),
    ("key", [[CLOSE], AGAIN]),
    ("key", [[b"200 o", CLOSE], AGAIN]),
    ("key", [b"200 " + b"a" * 4091 + b"\n"]),
    ("key", [b"200 " + b"a" * 4092 + b"\n", AGAIN]),
    ("key", [[b"20", 0.1, b"0 in pie", 0.1, b"ces\n"]]),
]

SOCKETMAP: list[tuple[str, list[Answer]]] = [
    ("Key", [netstring(b"OK value")]),
    ("two words", [netstring(b"OK  two")]),
    ("grüße", [netstring("OK grüße".encode())]),
    ("tab\there", [netstring(b"OK a\nb")]),
    ("key", [netstring(b"OK a\0b")]),
    ("key", [netstring(b"OK")]),
    ("key", [netstring(b"NOTFOUND ")]),
    ("key", [netstring(b"NOTFOUND")]),
    ("key", [netstring(b"NOTFOUND x")]),
    ("key", [netstring(b"TEMP why")]),
    ("key", [netstring(b"TEMP")]),
    ("key", [netstring(b"TIMEOUT x")]),
    ("key", [netstring(b"PERM x")]),
    ("key", [netstring(b"ok x")]),
    ("key", [netstring(b"OKx y")]),
    ("key", [netstring(b"OK\ta")]),
    ("key", [netstring(b"OK \xff")]),
    ("key", [b"0:,"]),
    ("key", [b":,"]),
    ("key", [[b"OK v\n", CLOSE]]),
    ("key", [b"4:OK v;"]),
    ("key", [b"04:OK v,"]),
    ("key", [b"x:OK v,"]),
    ("key", [b"-4:OK v,"]),
    ("key", [b" 4:OK v,"]),
    ("key", [b"4 :OK v,"]),
    ("key", [b"99999999999999999999:a,"]),
    ("key", [[CLOSE], OK_AGAIN]),
    ("key", [[CLOSE], [CLOSE], OK_AGAIN]),
    ("key", [[b"4:O", CLOSE], OK_AGAIN]),
    ("key", [netstring(b"OK " + b"a" * 99_997)]),
    ("key", [netstring(b"OK " + b"a" * 99_998)]),
    ("k" * 3000, [netstring(b"OK long")]),
    ("key", [[b"8:OK", 0.1, b" value", 0.1, b","]]),
]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both read a main.cf of their own, whatever this machine's says of UTF-8."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))


@pytest.mark.parametrize(("key", "answers"), TCP)
def test_tcp_answers_as_postfix_does(key: str, answers: list[Answer]) -> None:
    _compare("tcp", [key], answers)


@pytest.mark.parametrize(("key", "answers"), SOCKETMAP, ids=lambda value: str(value)[:60])
def test_socketmap_answers_as_postfix_does(key: str, answers: list[Answer]) -> None:
    _compare("socketmap", [key], answers)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("tcp", [b"200 a\n", b"200 b\n", b"500 \n"]),
        ("tcp", [[b"200 a\n", CLOSE], b"200 b\n"]),
        ("tcp", [b"200 a\nextra\n", b"200 b\n"]),
        ("tcp", [b"400 a\n", b"200 b\n"]),
        ("socketmap", [netstring(b"OK a"), netstring(b"NOTFOUND "), netstring(b"OK c")]),
        ("socketmap", [[netstring(b"OK a"), CLOSE], netstring(b"OK b")]),
        ("socketmap", [netstring(b"OK a") + b"extra", netstring(b"OK b")]),
        ("socketmap", [netstring(b"TEMP a"), netstring(b"OK b")]),
    ],
)
def test_keys_on_standard_input_are_answered_as_postfix_does(
    kind: str, answers: list[Answer]
) -> None:
    _compare(kind, ["one", "two", "three"], answers)


@pytest.mark.parametrize(
    "spec",
    [
        "tcp:",
        "tcp:inet:127.0.0.1:1",
        "socketmap:",
        "socketmap:name",
        "socketmap:/path:name",
        "socketmap:unix:/path",
        "socketmap:unix::name",
        "socketmap:unix:/nowhere/socket:name",
        "socketmap:inet::name",
        "socketmap:inet:localhost:name",
        "socketmap:inet:127.0.0.1:1:name",
        "socketmap:inet:[::1]:1:name",
        "socketmap:inet:nohost.invalid:10:name",
        "socketmap:other:127.0.0.1:name",
    ],
)
def test_what_cannot_be_asked_fails_as_in_postfix(spec: str) -> None:
    theirs = postfix("postmap", "-q", "key", spec)
    answer = ours(postmap.main, "postmap", "-q", "key", spec)
    assert (answer.status, answer.out) == (theirs.status, theirs.out) == (1, "")
    assert answer.err.startswith("postmap: fatal: ")


def _compare(kind: str, keys: list[str], answers: list[Answer]) -> None:
    """Ask both programs, each with a server of its own; the servers must hear the same."""
    asked = "-" if len(keys) > 1 else keys[0]
    stdin = "".join(f"{key}\n" for key in keys) if len(keys) > 1 else ""
    with ScriptedLookups(*answers) as server:
        theirs = postfix("postmap", "-q", asked, getattr(server, kind), stdin=stdin)
        heard = server.questions
    with ScriptedLookups(*answers) as server:
        answer = ours(postmap.main, "postmap", "-q", asked, getattr(server, kind), stdin=stdin)
    assert (answer.status, answer.out) == (theirs.status, theirs.out), answer.err
    assert server.questions == heard
