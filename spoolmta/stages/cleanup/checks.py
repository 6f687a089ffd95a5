"""Header checks: what the result of a table says is to be done with a message.

The decision alone: a table's text becomes an action, an action changes the headers or what becomes
of the message. The first table that knows a header decides about it.

Postfix:    header_checks(5), cleanup_message.c
Parameters: header_checks
Must not:   log; change an envelope (it says what is to be changed)
Limits:     FILTER is not carried out (`unsupported`); there are no body checks
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from spoolmta.maps import Maps
from spoolmta.stages.cleanup.verdict import CONTENT_REJECTED, Verdict

_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|\Z)")


class Action(StrEnum):
    """The words that a result may begin with; the values are as the log writes them."""

    REJECT = "reject"
    HOLD = "hold"
    DISCARD = "discard"
    IGNORE = "ignore"
    STRIP = "strip"
    PREPEND = "prepend"
    REPLACE = "replace"
    WARN = "warning"
    INFO = "info"
    REDIRECT = "redirect"
    BCC = "bcc"
    FILTER = "filter"
    PASS = "pass"
    DUNNO = "dunno"
    OK = "ok"


_SILENT = frozenset({Action.IGNORE, Action.DUNNO, Action.OK})
_ACTIONS = {action.name: action for action in Action}


@dataclass(frozen=True, slots=True)
class Match:
    """A header that a check matched, for the log; *text* is what the action said."""

    action: Action
    header: str
    text: str


@dataclass(slots=True)
class Findings:
    """What checks make of a header block.

    *headers* are those that are left, in order. *redirect* replaces all recipients, *copies* are
    added to them. *problems* are warnings about the tables.
    """

    headers: list[bytes] = field(default_factory=list)
    verdict: Verdict = Verdict.ACCEPT
    reply: str = ""
    reason: str = ""
    redirect: str = ""
    copies: list[str] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def check_headers(headers: Sequence[bytes], maps: Maps) -> Findings:
    """Return what *maps* say of each header (CRLF and continuation lines included).

    Raises MapUnavailable: the caller answers 4xx.
    """
    findings = Findings()
    for at, header in enumerate(headers):
        subject = header.removesuffix(b"\r\n").replace(b"\r\n", b"\n")
        text = subject.decode("utf-8", "surrogateescape")
        value = await maps.lookup(text)
        if value is None:
            findings.headers.append(header)
            continue
        _apply(findings, header, text, value)
        ends = _is_end(findings)
        if ends or (findings.matches and findings.matches[-1].action is Action.PASS):
            findings.headers += headers[at + 1 :]
            break
    return findings


def split_headers(block: bytes) -> list[bytes]:
    """Return the headers of a block of whole lines, each with its continuation lines."""
    headers: list[bytes] = []
    start = 0
    while start < len(block):
        end = block.find(b"\r\n", start) + 2
        while block[end : end + 1] in (b" ", b"\t"):
            end = block.find(b"\r\n", end) + 2
        headers.append(block[start:end])
        start = end
    return headers


def parse_reply(text: str) -> tuple[str, str]:
    """Return (reply, reason) of REJECT's text, which may begin with an enhanced status code."""
    match = _STATUS.match(text)
    status, words = (match[1], text[match.end() :]) if match else ("5.7.1", text)
    words = words.strip() or CONTENT_REJECTED
    if status.startswith("2"):
        status = "5" + status[1:]
    code = 451 if status.startswith("4") else 550
    return f"{code} {status} {words}", f"{status} {words}"


def _apply(findings: Findings, header: bytes, subject: str, value: str) -> None:
    word, _, text = value.strip().partition(" ")
    action = _ACTIONS.get(word.upper())
    text = text.strip()
    kept = [header]
    problem = ""
    if action is None:
        problem = f"unknown command in header_checks map: {value}"
    elif action in (Action.IGNORE, Action.STRIP):
        kept = []
    elif action in (Action.PREPEND, Action.REPLACE):
        if _HEADER.match(text):
            made = text.encode("utf-8", "surrogateescape").replace(b"\n", b"\r\n") + b"\r\n"
            kept = [made] if action is Action.REPLACE else [made, header]
        else:
            problem = (
                f'bad {word.upper()} header text "{text}" in header_checks map'
                ' -- need "headername: headervalue"'
            )
    else:
        problem = _decide(findings, action, text)
    findings.headers += kept
    if problem:
        findings.problems.append(problem)
    elif action is not None and action not in _SILENT:
        text = findings.reason if action is Action.REJECT else text
        findings.matches.append(Match(action, subject, text))


def _decide(findings: Findings, action: Action, text: str) -> str:
    """Carry out an action on the message as a whole; return what is wrong with the table."""
    if action is Action.REJECT:
        findings.reply, findings.reason = parse_reply(text)
        temporary = findings.reply.startswith("4")
        findings.verdict = Verdict.DEFER if temporary else Verdict.REJECT
    elif action is Action.DISCARD:
        findings.verdict, findings.reason = Verdict.DISCARD, text
    elif action is Action.HOLD:
        findings.verdict = Verdict.HOLD
        findings.reason = text or "header check"
    elif action in (Action.REDIRECT, Action.BCC):
        if "@" not in text:
            return f'bad {action.name} target "{text}" in header_checks map -- need user@domain'
        if action is Action.REDIRECT:
            findings.redirect = text
        else:
            findings.copies.append(text)
    elif action is Action.FILTER:
        return f"FILTER {text} in header_checks map is not supported: the mail is not filtered"
    return ""


def _is_end(findings: Findings) -> bool:
    return findings.verdict in (Verdict.REJECT, Verdict.DEFER, Verdict.DISCARD)
