"""Replays the scripts *.smtp of this folder against a real smtpd.

    # what the session shows
    set: name = value       a setting of main.cf
    C: text                 the client sends a line; several in a row are sent in one write
    C> text                 the same without CRLF; \\r \\n \\x.. stand for themselves in both
    S: text                 the server says this next; "*" stands for anything, <gone> for the
                            end of the connection. Of a reply of several lines the last one is
                            enough
    L: text                 at the end the log has these lines, in this order, and no others but
                            "connect from"
    --                      another session

The answers were taken from Postfix 3.7 with the same configuration, those of newer releases from
their documents.
"""

import re
import time
from pathlib import Path

import pytest

from tests.dialogs.smtpd import Client, Smtpd

FOLDER = Path(__file__).parent
GONE = "<gone>"
LOG_SECONDS = 5.0


def sessions():
    for path in sorted(FOLDER.glob("*.smtp")):
        for number, script in enumerate(path.read_text().split("\n--\n"), 1):
            yield pytest.param(script, id=f"{path.stem}-{number}")


@pytest.mark.parametrize("script", list(sessions()))
def test_the_dialogue_is_that_of_the_script(script, tmp_path):
    lines = [line for line in script.split("\n") if line and not line.startswith("#")]
    with Smtpd(tmp_path, dict(settings(lines))) as smtpd, smtpd.connect(greeted=False) as client:
        talk(client, lines)
        client.close()
        check_log(smtpd, [line[3:] for line in lines if line.startswith("L: ")])


def settings(lines):
    for line in lines:
        if line.startswith("set: "):
            name, _, value = line.removeprefix("set: ").partition("=")
            yield name.strip(), value.strip()


def talk(client: Client, lines: list[str]) -> None:
    batch = b""
    heard: list[str] = []
    for line in lines:
        kind, text = line[:2], line[3:]
        if kind in ("C:", "C>"):
            batch += unescaped(text) + (b"\r\n" if kind == "C:" else b"")
        elif kind == "S:":
            if batch:
                client.send(batch)
                batch = b""
            if not heard:
                heard = reply(client)
            while text[3:4] != "-" and len(heard) > 1:
                heard.pop(0)
            assert matches(text, heard[0]), f"expected {text!r}, heard {heard!r}"
            heard.pop(0)
    assert not batch, "the script sends something and expects nothing"


def reply(client: Client) -> list[str]:
    lines = []
    while True:
        line = client.line()
        lines.append(GONE if line is None else line)
        if line is None or line[3:4] != "-":
            return lines


def matches(expected: str, heard: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.split("*"))
    return re.fullmatch(pattern, heard) is not None


def unescaped(text: str) -> bytes:
    if "\\" not in text:
        return text.encode()
    return text.encode().decode("unicode_escape").encode("latin-1")


def check_log(smtpd: Smtpd, expected: list[str]) -> None:
    deadline = time.monotonic() + LOG_SECONDS
    while True:
        lines = [line for line in smtpd.log() if not is_incidental(line)]
        if any(line.startswith("disconnect") for line in lines) or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    if expected:
        assert len(lines) == len(expected), lines
        for pattern, line in zip(expected, lines, strict=True):
            assert matches(pattern, line), f"expected {pattern!r}, logged {line!r}"


def is_incidental(line: str) -> bool:
    return line.startswith("connect from") or "message-id=<" in line
