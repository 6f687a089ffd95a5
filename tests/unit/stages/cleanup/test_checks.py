"""What header checks make of a message."""

import asyncio
from pathlib import Path

import pytest

from spoolmta.maps import open_maps
from spoolmta.stages.cleanup.checks import Findings, check_headers, parse_reply, split_headers
from spoolmta.stages.cleanup.verdict import Verdict
from tests.unit.stages.cleanup.conftest import QUEUE_ID, Clean

BLOCK = b"Subject: a\r\nX-Test: b\r\n\tc\r\nTo: d\r\n"


def check(result: str, pattern: str = "/^X-Test/", block: bytes = BLOCK) -> Findings:
    maps = open_maps(f"pcre:{{{{ {pattern} {result} }}}}")
    return asyncio.run(check_headers(split_headers(block), maps))


def names(findings: Findings) -> list[bytes]:
    return [header.partition(b":")[0] for header in findings.headers]


def test_headers_that_no_pattern_matches_stay() -> None:
    findings = check("REJECT", "/^Nothing/")
    assert b"".join(findings.headers) == BLOCK
    assert findings.verdict is Verdict.ACCEPT


def test_the_subject_of_a_check_is_the_whole_header() -> None:
    assert check("IGNORE", r"/^X-Test: b\n\tc$/").headers == [b"Subject: a\r\n", b"To: d\r\n"]


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("REJECT", "550 5.7.1 message content rejected"),
        ("REJECT no way", "550 5.7.1 no way"),
        ("reject 4.5.6 try later", "451 4.5.6 try later"),
        ("REJECT 5.5.6 bad", "550 5.5.6 bad"),
        ("REJECT 5.5.6", "550 5.5.6 message content rejected"),
    ],
)
def test_reject(text: str, reply: str) -> None:
    findings = check(text)
    assert findings.reply == reply
    assert findings.verdict is (Verdict.DEFER if reply[0] == "4" else Verdict.REJECT)
    assert [match.action for match in findings.matches] == ["reject"]


def test_a_status_that_means_success_is_not_believed() -> None:
    assert parse_reply("2.0.0 fine") == ("550 5.0.0 fine", "5.0.0 fine")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("IGNORE", [b"Subject", b"To"]),
        ("STRIP why", [b"Subject", b"To"]),
        ("PREPEND X-New: n", [b"Subject", b"X-New", b"X-Test", b"To"]),
        ("REPLACE X-New: n", [b"Subject", b"X-New", b"To"]),
        ("WARN hey", [b"Subject", b"X-Test", b"To"]),
        ("DUNNO", [b"Subject", b"X-Test", b"To"]),
    ],
)
def test_actions_on_the_header(text: str, left: list[bytes]) -> None:
    findings = check(text)
    assert names(findings) == left
    assert findings.verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("FOO bar", "unknown command in header_checks map: FOO bar"),
        ("550 bar", "unknown command in header_checks map: 550 bar"),
        ("PREPEND foo bar", 'bad PREPEND header text "foo bar" in header_checks map'),
        ("REPLACE zz", 'bad REPLACE header text "zz" in header_checks map'),
        ("REDIRECT nobody", 'bad REDIRECT target "nobody" in header_checks map'),
        ("FILTER smtp:[x]", "FILTER smtp:[x] in header_checks map is not supported"),
    ],
)
def test_what_cannot_be_obeyed_is_told_and_changes_nothing(text: str, problem: str) -> None:
    findings = check(text)
    assert findings.problems[0].startswith(problem)
    assert b"".join(findings.headers) == BLOCK
    assert not findings.matches


def test_actions_on_the_message() -> None:
    assert check("HOLD").verdict is Verdict.HOLD
    assert check("HOLD please").reason == "please"
    assert check("DISCARD bye").verdict is Verdict.DISCARD
    assert check("REDIRECT o@x.test").redirect == "o@x.test"
    assert check("BCC o@x.test").copies == ["o@x.test"]


def test_pass_ends_the_checks() -> None:
    rules = "regexp:{{ /^Subject/ PASS }, { /^X-Test/ REJECT }}"
    findings = asyncio.run(check_headers(split_headers(BLOCK), open_maps(rules)))
    assert findings.verdict is Verdict.ACCEPT
    assert b"".join(findings.headers) == BLOCK


def table(folder: Path, *rules: str) -> dict[str, str]:
    path = folder / "header_checks"
    path.write_text("".join(f"{rule}\n" for rule in rules))
    return {"header_checks": f"regexp:{path}"}


def test_cleanup_logs_and_obeys(clean: Clean, tmp_path: Path) -> None:
    done = clean(
        b"Subject: a\r\nX-Test: b\r\n\r\nbody\r\n",
        ["r@example.test", "s@example.test"],
        settings=table(tmp_path, "/^X-Test/ HOLD please"),
    )
    assert (done.result.verdict, done.result.reason) == (Verdict.HOLD, "please")
    assert (
        f"{QUEUE_ID}: hold: header X-Test: b from client.example[192.0.2.1]; from=<a@b.test>"
        " to=<s@example.test> proto=ESMTP helo=<helo.example>: please\n"
    ) in done.log


def test_our_own_received_header_is_checked(clean: Clean, tmp_path: Path) -> None:
    settings = table(tmp_path, "/^Received:/ IGNORE")
    done = clean(b"Subject: a\r\n\r\n", settings=settings, local_rewrite=False)
    assert done.content == b"Subject: a\r\n\r\n"


def test_a_replaced_header_is_treated_like_any_other(clean: Clean, tmp_path: Path) -> None:
    settings = table(
        tmp_path, "/^X-Test: (.*)/ REPLACE Bcc: $1", "/^X-From: (.*)/ REPLACE From: $1"
    )
    done = clean(b"X-Test: joe\r\nX-From: jim\r\n\r\n", settings=settings)
    assert "Bcc" not in done.head
    assert "\r\nFrom: jim@mail.example.test\r\n" in done.head


def test_redirection_and_copies_change_the_envelope(clean: Clean, tmp_path: Path) -> None:
    settings = table(tmp_path, "/^X-Redir/ REDIRECT o@x.test", "/^X-Copy/ BCC c@x.test")
    assert clean(b"X-Redir: y\r\n\r\n", settings=settings).addresses == ["o@x.test"]
    assert clean(b"X-Copy: y\r\n\r\n", settings=settings).addresses == [
        "r@example.test",
        "c@x.test",
    ]


def test_our_own_mail_is_not_checked_unless_asked_for(clean: Clean, tmp_path: Path) -> None:
    settings = table(tmp_path, "/^X-Test/ REJECT")
    own = {"origin": "bounce", "sender": ""}
    assert clean(b"X-Test: y\r\n\r\n", settings=settings, **own).result.verdict is Verdict.ACCEPT
    settings["internal_mail_filter_classes"] = "bounce"
    assert clean(b"X-Test: y\r\n\r\n", settings=settings, **own).result.verdict is Verdict.REJECT


def test_overrides_of_the_receiving_service(clean: Clean, tmp_path: Path) -> None:
    settings = table(tmp_path, "/^X-Test/ REJECT")
    settings["receive_override_options"] = "no_header_body_checks"
    assert clean(b"X-Test: y\r\n\r\n", settings=settings).result.verdict is Verdict.ACCEPT
