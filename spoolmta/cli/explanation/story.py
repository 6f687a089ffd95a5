"""The facts as a story: what happens to the mail, in its order, a line each, and why.

Must not: find anything out
"""

from collections.abc import Iterator

from spoolmta.cli.explanation import standing
from spoolmta.cli.explanation.facts import (
    Admission,
    Explanation,
    Judgement,
    Limits,
    Line,
    Node,
    Recipient,
    Step,
    Verdict,
)
from spoolmta.cli.output import printable, shorten
from spoolmta.cli.units import format_age, format_size

_LABEL = 16
_TOLD_OF_RECIPIENTS = ("alias", "file", "recipient shown", "sender shown")
_RESULT = 34
_TABLE = 40
_END = {
    Verdict.DELIVERABLE: "It would be delivered",
    Verdict.HELD: "It would be kept on hold",
    Verdict.DISCARDED: "It would be accepted and dropped",
    Verdict.UNDELIVERABLE: "It could not be delivered",
    Verdict.REFUSED: "It would be refused",
    Verdict.UNDECIDED: "It would have to wait",
}


def story(told: Explanation) -> list[str]:
    """Return the lines of an explanation."""
    lines = [f"Mail from <{told.sender}> for <{told.asked}>"]
    for step in told.sender_steps:
        lines.append(_line("sender", step.result, why(step)))
    for line in told.lines:
        lines += _envelope(line)
    for recipient in told.recipients:
        lines += ["", *_recipient(recipient, "")]
    if told.smtp is not None:
        lines += ["", *_admission(told.smtp)]
    for warning in told.warnings:
        lines += ["", f"warning: {warning}"]
    lines += ["", _verdict(told)]
    return [printable(part).rstrip() for line in lines for part in line.split("\n")]


def why(step: Step) -> str:
    """Return which parameter or entry makes a step."""
    if not step.parameter:
        return ""
    if not step.table:
        return f"{step.parameter}: {step.key}" if step.key else step.parameter
    text = f"{step.parameter} {_table(step.table)}: {step.key}"
    return f"{text} = {step.value}" if step.value and step.value != step.result else text


def _table(name: str) -> str:
    """Return a table's name; of one whose content is its name, the beginning."""
    return shorten(name, _TABLE)


def _line(label: str, result: str, reason: str = "") -> str:
    if reason and len(result) > _RESULT:
        return f"  {label:<{_LABEL}}{result}\n  {'':<{_LABEL}}{'':<{_RESULT}}  {reason}"
    return f"  {label:<{_LABEL}}{result:<{_RESULT}}  {reason}".rstrip()


def _envelope(line: Line) -> Iterator[str]:
    if line.why is not None:
        yield _line("copy to", line.given, why(line.why))
    for step in line.steps:
        yield _line(step.what, step.result, why(step))
    if line.aliases.expands_to:
        yield _line("alias", line.aliases.address, _why_node(line.aliases))
        yield from _branches(line.aliases, "")


def _branches(node: Node, indent: str) -> Iterator[str]:
    for number, child in enumerate(node.expands_to, 1):
        is_last = number == len(node.expands_to)
        twig = f"{indent}{'└─' if is_last else '├─'} {child.address}"
        yield _line("", twig, _why_node(child))
        yield from _branches(child, indent + ("   " if is_last else "│  "))


def _why_node(node: Node) -> str:
    return (
        ""
        if node.step is None
        else f"{node.step.parameter} {_table(node.step.table)}: {node.step.key}"
    )


def _recipient(one: Recipient, indent: str) -> list[str]:
    lines = [one.address]
    last = {step.what: step for step in one.steps}
    lines.append(_line("class", one.address_class, _why(last, "class")))
    lines.append(_line("transport", one.transport, _why(last, "transport")))
    lines.append(_line("next hop", one.nexthop, _why(last, "next hop")))
    for step in one.steps:
        if step.what in _TOLD_OF_RECIPIENTS:
            lines.append(_line(step.what, step.result, why(step) or step.key))
    for path in one.mailboxes:
        lines.append(_line("mailbox", path, _why(last, "mailbox")))
    for host in one.hosts:
        address = f"{host.name} [{host.address}]" + (f":{host.port}" if host.port else "")
        preference = f"preference {host.preference}" if host.preference else ""
        lines.append(_line("host", address, preference))
    lines += [_line("rule", standing.text(rule)) for rule in one.rules]
    lines += [_line("note", remark) for remark in one.remarks]
    if one.problem is not None:
        label = "waits" if one.problem.is_temporary else "returned"
        lines.append(_line(label, f"{one.problem.dsn} {one.problem.text}"))
    elif one.limits is not None:
        lines += [_line("limits" if not at else "", text)
                  for at, text in enumerate(_limits(one.limits))]  # fmt: skip
    for forwarded in one.forwarded:
        lines += ["sent on to", *_recipient(forwarded, "    ")]
    return [lines[0] if not indent else indent + lines[0], *(indent + line for line in lines[1:])]


def _why(last: dict[str, Step], what: str) -> str:
    step = last.get(what)
    return "" if step is None else why(step)


def _limits(limits: Limits) -> Iterator[str]:
    yield (
        f"{_count(limits.concurrency, 'delivery', 'deliveries')} at once to {limits.destination},"
        f" {_count(limits.recipients, 'recipient', 'recipients')} each"
    )
    sizes = [f"messages up to {_size(limits.size)}"]
    if limits.mailbox_size is not None:
        sizes.append(f"mailbox up to {_size(limits.mailbox_size)}")
    yield ", ".join(sizes)
    text = f"returned after {format_age(limits.queue_lifetime)}"
    if limits.command_time is not None:
        text += f", a command may take {format_age(limits.command_time)}"
    yield text


def _count(number: int, one: str, many: str) -> str:
    return f"any number of {many}" if not number else f"{number} {one if number == 1 else many}"


def _size(size: int) -> str:
    return format_size(size) if size else "any size"


def _admission(told: Admission) -> list[str]:
    lines = [f"Over SMTP ({told.service}), client {told.client}, HELO {told.helo}"]
    if told.decided_by is not None:
        judgement = told.decided_by
        lines.append(_line("decided by", judgement.restriction, judgement.parameter))
        lines += [
            _line("", f"{step.key} = {step.result}", _table(step.table))
            for step in judgement.lookups
        ]
    for effect in told.effects:
        lines.append(_line("action", effect))
    for judgement in _passed_over(told.asked):
        lines.append(_line("", judgement.restriction, judgement.answer))
    if told.problem:
        lines.append(_line("trouble", told.problem))
    if told.reply:
        lines.append(_line("answer", told.reply))
    return lines


def _passed_over(asked: list[Judgement]) -> Iterator[Judgement]:
    seen = set()
    for judgement in asked:
        if not judgement.evaluated and judgement.restriction not in seen:
            seen.add(judgement.restriction)
            yield judgement


def _verdict(told: Explanation) -> str:
    text = _END[told.verdict]
    return f"{text}: {told.reason}" if told.reason else f"{text}."
