"""spoolmta queue show: one message, its recipients with their last answers, what comes next."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from spoolmta.cli.output import note, print_json, printable
from spoolmta.cli.queue_tools.content_parts import body_of, header_of
from spoolmta.cli.units import format_age, format_size, format_time, plural
from spoolmta.message.envelope import Notify
from spoolmta.spool import content, queues
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.inspect import Entry, RecipientAnswer
from spoolmta.spool.queues import QueuedMessage


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the content are printed after the envelope."""

    headers: bool = False
    body: bool = False


def show(spool: Spool, queue_id: str, parts: Parts, *, as_json: bool) -> bool:
    """Print what the spool knows of a message; return False if it is not there."""
    entry = inspect.find(spool, queue_id)
    messages = queues.load(spool, [entry.message_id]) if entry else []
    if entry is None or not messages:
        note(
            f"{printable(queue_id)}: not in the queue;"
            f" spoolmta trace {printable(queue_id)} tells what became of it"
        )
        return False
    message = messages[0]
    if as_json:
        print_json(_as_json(spool, entry, message, parts))
        return True
    now = spool.clock.now()
    _print_envelope(entry, message, now)
    _print_future(spool, entry, now)
    for recipient in inspect.recipients(spool, entry.message_id):
        _print_recipient(recipient, now)
    _print_content(spool, entry.message_id, parts)
    return True


def _print_envelope(entry: Entry, message: QueuedMessage, now: float) -> None:
    envelope, client = message.envelope, message.envelope.client
    ages = f"{format_time(message.arrived_at)} ({format_age(now - message.arrived_at)} ago)"
    lines = [
        ("message", entry.queue_id),
        ("state", entry.state + (f": {entry.reason}" if entry.reason else "")),
        ("arrived", ages),
        ("size", f"{format_size(entry.size)} ({entry.size:,} bytes)"),
        ("sender", envelope.sender or "<> (the null sender)"),
        ("origin", envelope.origin if envelope.uid is None else f"local, uid {envelope.uid}"),
    ]
    if client.address:
        name = f"{client.name}[{client.address}]:{client.port}"
        lines.append(("client", f"{name}, {client.protocol}, helo {client.helo}"))
    if client.sasl_username:
        lines.append(("login", f"{client.sasl_username} ({client.sasl_method})"))
    options = [
        *([f"ENVID={envelope.envid}"] if envelope.envid else []),
        *([f"RET={envelope.ret}"] if envelope.ret else []),
        *(["8BITMIME"] if envelope.encoding == "8bit" else []),
        *(["SMTPUTF8"] if envelope.smtputf8 else []),
    ]
    if options:
        lines.append(("options", " ".join(options)))
    for name, text in lines:
        print(f"{name:<10} {printable(text)}")


def _print_future(spool: Spool, entry: Entry, now: float) -> None:
    if entry.next_try_at is not None:
        wait = entry.next_try_at - now
        when = f"in {format_age(wait)}" if wait > 0 else "now"
        print(f"next try   {format_time(entry.next_try_at)} ({when})")
    claimer = inspect.claimer(spool, entry.message_id)
    if claimer is not None:
        since = format_age(now - claimer.since_at)
        print(f"in work    {claimer.service}, process {claimer.pid}, for {since}")
    for delivery in inspect.deliveries(spool, entry.message_id):
        agent = f", process {delivery.pid}" if delivery.pid else ""
        print(
            f"delivery   {delivery.transport}:{printable(delivery.nexthop)},"
            f" {plural(delivery.recipients, 'recipient')}: {delivery.stage}"
            f" for {format_age(now - delivery.since_at)}{agent}"
        )
    print(f"recipients {entry.recipients}, {entry.waiting} without a final answer")


def _print_recipient(recipient: RecipientAnswer, now: float) -> None:
    extra = ""
    if recipient.original and recipient.original != recipient.address:
        extra += f" (for {recipient.original})"
    if recipient.notify:
        extra += f" NOTIFY={notify_text(recipient.notify)}"
    print(f"  {printable(recipient.address + extra)}")
    if recipient.answered_at is not None:
        ago = format_age(now - recipient.answered_at)
        answer = f"{recipient.answer} {ago} ago, {recipient.dsn}, {recipient.relay}"
        print(f"      {printable(answer)}: {printable(recipient.reason)}")


def notify_text(notify: int) -> str:
    """Return NOTIFY= as the SMTP option says it."""
    return ",".join(str(flag.name) for flag in Notify(notify))


def _print_content(spool: Spool, message_id: int, parts: Parts) -> None:
    if not (parts.headers or parts.body):
        return
    print()
    sys.stdout.flush()
    for piece in _content(spool, message_id, parts):
        sys.stdout.buffer.write(piece.replace(b"\r\n", b"\n"))
    sys.stdout.buffer.flush()


def _content(spool: Spool, message_id: int, parts: Parts) -> Iterator[bytes]:
    pieces = content.read(spool, message_id)
    if parts.headers and parts.body:
        return pieces
    return header_of(pieces) if parts.headers else body_of(pieces)


def _as_json(spool: Spool, entry: Entry, message: QueuedMessage, parts: Parts) -> object:
    shown: dict[str, object] = {
        "entry": entry,
        "envelope": message.envelope,
        "created_at": message.created_at,
        "answers": list(inspect.recipients(spool, entry.message_id)),
        "deliveries": inspect.deliveries(spool, entry.message_id),
        "claimer": inspect.claimer(spool, entry.message_id),
    }
    if parts.headers or parts.body:
        data = b"".join(_content(spool, entry.message_id, parts))
        shown["content"] = data.decode("utf-8", "replace")
    return shown
