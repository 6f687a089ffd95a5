"""check_..._access: look a name or address up in a table, and do what access(5) says.

Postfix:    access(5), smtpd(8), postconf(5) check_client_access
Parameters: access_map_reject_code, access_map_defer_code, smtpd_null_access_lookup_key,
            parent_domain_matches_subdomains (smtpd_access_maps), recipient_delimiter
Must not:   take a lookup error for "not found"
"""

import re
from collections.abc import Callable, Iterable

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import Maps
from spoolmta.maps.lookup import Key, access_keys, domain_keys, key_of, network_keys, search
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.peer import UNKNOWN
from spoolmta.stages.smtpd.restrictions.request import Request, Subject
from spoolmta.stages.smtpd.restrictions.verdict import (
    DUNNO,
    PERMIT,
    Effect,
    Kind,
    Verdict,
    fault,
    reject,
)


async def check_client_access(request: Request, table: Maps) -> Verdict:
    """Look up the client's verified name, its parents, its address, its networks."""
    peer = request.peer
    names = _names(request, peer.name) if peer.name != UNKNOWN else ()
    return await _check(request, table, [*names, *network_keys(peer.address)], Subject.CLIENT)


async def check_reverse_client_hostname_access(request: Request, table: Maps) -> Verdict:
    """Look up the client's unverified name and its parents; it must not open a door."""
    keys = _names(request, request.peer.reverse_name)
    verdict = await _check(request, table, keys, Subject.REVERSE_CLIENT)
    if verdict.kind is not Kind.PERMIT or verdict.restrictions:
        return verdict
    return _misconfigured(
        f"restriction check_reverse_client_hostname_access returns OK for"
        f" {request.peer.reverse_name}: this is not allowed for security reasons;"
        " use DUNNO instead of OK if you want to make an exception"
    )


async def check_helo_access(request: Request, table: Maps) -> Verdict:
    """Look up the HELO name and its parents."""
    if request.helo is None:
        return DUNNO
    return await _check(request, table, _names(request, request.helo), Subject.HELO)


async def check_sender_access(request: Request, table: Maps) -> Verdict:
    """Look up the sender, its domain, the domain's parents, its user."""
    if request.sender is None:
        return DUNNO
    if not request.sender:
        key = request.rules.parameters.smtpd_null_access_lookup_key
        return await _check(request, table, [key_of(key)], Subject.SENDER)
    try:
        address = (await request.sender_resolution()).recipient
    except MapUnavailable as error:
        return _unavailable(request, Subject.SENDER, error)
    return await _check(request, table, _addresses(request, address), Subject.SENDER)


async def check_recipient_access(request: Request, table: Maps) -> Verdict:
    """Look up the recipient, its domain, the domain's parents, its user."""
    if request.resolution is None:
        return DUNNO
    keys = _addresses(request, request.resolution.recipient)
    return await _check(request, table, keys, Subject.RECIPIENT)


async def check_etrn_access(request: Request, table: Maps) -> Verdict:
    """Look up the domain of ETRN and its parents."""
    return await _check(request, table, _names(request, request.etrn_domain), Subject.ETRN)


async def check_address_map(request: Request, table: Maps) -> Verdict:
    """Permit a client whose address is in the table, whatever the table says of it.

    Raises MapUnavailable: the caller answers 4xx.
    """
    return DUNNO if await table.lookup(request.peer.address) is None else PERMIT


def parse_action(value: str) -> tuple[str, str]:
    """Return an access(5) result as action and text; ("", value) for a list of restrictions.

    The action is in upper case; "OK" for digits alone; "450" or "554" for a code with text.
    """
    word, _, text = value.strip().partition(" ")
    text = text.strip()
    name = word.upper()
    if _DIGITS.fullmatch(value.strip()):
        return "OK", ""
    if name in _ACTIONS or (_CODE.fullmatch(word) and text):
        return name, text
    return "", value


def fix_status(dsn: str, subject: Subject) -> str:
    """Return a status code of RFC 3463 that fits what is refused.

    The same table may serve for senders and recipients; a status that speaks of an address makes
    no sense for a client.
    """
    head, _, detail = dsn.partition(".1.")
    if not detail:
        return dsn
    if subject is Subject.SENDER:
        return f"{head}.1.{_SENDER_STATUS.get(detail, '0')}"
    if subject is Subject.RECIPIENT:
        return f"{head}.1.{_RECIPIENT_STATUS.get(detail, '0')}"
    return f"{head}.0.0"


_DIGITS = re.compile(r"[0-9]+")
_CODE = re.compile(r"[45][0-9][0-9]")
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|\Z)")
_HEADER = re.compile(r"[!-9;-~]+:")
_SENDER_STATUS = {"1": "7", "2": "8", "3": "7", "4": "7", "6": "7", "7": "7", "8": "8"}
_RECIPIENT_STATUS = {c: c for c in "123456"} | {"7": "3", "8": "2"}

Action = Callable[[Request, Subject, str, str], Verdict]


async def _check(request: Request, table: Maps, keys: Iterable[Key], subject: Subject) -> Verdict:
    try:
        hit = await search(table, keys)
    except MapUnavailable as error:
        return _unavailable(request, subject, error)
    if hit is None:
        return DUNNO
    return _act(request, subject, hit.value, f'access table {table.name} entry "{hit.key}"')


def _act(request: Request, subject: Subject, value: str, place: str) -> Verdict:
    action, text = parse_action(value)
    if not action:
        return Verdict(Kind.DUNNO, restrictions=value)
    if action in _ACTIONS:
        return _ACTIONS[action](request, subject, text, place)
    return reject(_refusal(request, subject, int(action), text))


def _refusal(
    request: Request, subject: Subject, code: int, text: str, default: str = "Access denied"
) -> Reply:
    match = _STATUS.match(text)
    dsn = fix_status(match[1], subject) if match else "5.7.1"
    text = text[match.end() :] if match else text
    return request.refusal(code, dsn, text or default, subject)


def _permit(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
    return PERMIT


def _dunno(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
    return DUNNO


def _reject(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
    code = request.rules.parameters.access_map_reject_code
    return reject(_refusal(request, subject, code, text))


def _defer(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
    code = request.rules.parameters.access_map_defer_code
    return reject(_refusal(request, subject, code, text))


def _defer_if(kind: Kind) -> Action:
    def act(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
        code = request.rules.parameters.access_map_defer_code
        return Verdict(kind, _refusal(request, subject, code, text, "Service unavailable"))

    return act


def _on_message(action: str, kind: Kind) -> Action:
    def act(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
        about = f"<{request.name_of(subject)}>: {subject.value}"
        note = f"{about} {text or f'triggers {action} action'}"
        return Verdict(kind, effect=Effect(action.lower(), text or note, note))

    return act


def _to_address(action: str) -> Action:
    def act(request: Request, subject: Subject, text: str, place: str) -> Verdict:
        if "@" not in text:
            return _ignored(f"{place} requires user@domain target")
        note = f"<{request.name_of(subject)}>: {subject.value} triggers {action} {text}"
        return Verdict(Kind.DUNNO, effect=Effect(action.lower(), text, note))

    return act


def _say(action: str) -> Action:
    def act(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
        return Verdict(Kind.DUNNO, effect=Effect(action, text, text))

    return act


def _prepend(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
    if request.subject is Subject.END_OF_DATA:
        return _ignored(
            f"{place}: action PREPEND must be used before smtpd_end_of_data_restrictions"
        )
    if not _HEADER.match(text):
        return _ignored(f"{place} requires header: text")
    return Verdict(Kind.DUNNO, effect=Effect("prepend", text))


def _filter(request: Request, subject: Subject, text: str, place: str) -> Verdict:  # noqa: ARG001
    return _misconfigured(f"{place}: content filters are not available: FILTER {text}")


_ACTIONS: dict[str, Action] = {
    "OK": _permit,
    "RELAY": _permit,
    "DUNNO": _dunno,
    "REJECT": _reject,
    "DEFER": _defer,
    "DEFER_IF_PERMIT": _defer_if(Kind.DEFER_IF_PERMIT),
    "DEFER_IF_REJECT": _defer_if(Kind.DEFER_IF_REJECT),
    "HOLD": _on_message("HOLD", Kind.DUNNO),
    "DISCARD": _on_message("DISCARD", Kind.DISCARD),
    "REDIRECT": _to_address("REDIRECT"),
    "BCC": _to_address("BCC"),
    "PREPEND": _prepend,
    "FILTER": _filter,
    "WARN": _say("warn"),
    "INFO": _say("info"),
}


def _ignored(warning: str) -> Verdict:
    return Verdict(Kind.DUNNO, effect=Effect("warning", warning))


def _misconfigured(warning: str) -> Verdict:
    return fault(Reply(451, "4.3.5", "Server configuration error"), ConfigError(warning))


def _unavailable(request: Request, subject: Subject, error: MapUnavailable) -> Verdict:
    reply = request.refusal(451, "4.3.5", "Server configuration error", subject)
    return Verdict(Kind.REJECT, reply, Effect("warning", str(error)))


def _names(request: Request, name: str) -> Iterable[Key]:
    if _DIGITS.fullmatch(name.replace(".", "")):
        return (key_of(name),)
    return domain_keys(name, dotted=request.rules.access_parents_dotted)


def _addresses(request: Request, address: str) -> Iterable[Key]:
    rules = request.rules
    return access_keys(address, rules.routing.delimiter, dotted=rules.access_parents_dotted)
