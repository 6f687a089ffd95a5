"""Envelope recipients: rewritten, copied to others, expanded by virtual aliases, each one once.

Postfix:    cleanup(8), cleanup_envelope.c, cleanup_out_recipient.c, postconf(5) always_bcc
Parameters: always_bcc, sender_bcc_maps, recipient_bcc_maps, empty_address_recipient,
            duplicate_filter_limit, enable_original_recipient
Must not:   cut an expansion short
RFC:        3461 5.2.7 (what the sender is told of an alias)
"""

from collections.abc import Iterable, Sequence

import msgspec

from spoolmta.address.quoting import unquote
from spoolmta.address.rewrite import rewrite
from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import expand_virtual_aliases
from spoolmta.maps import Maps
from spoolmta.message.envelope import Notify, Recipient
from spoolmta.stages.cleanup.rewriting import Rewriting
from spoolmta.stages.cleanup.rules import CleanupRules


def clean_sender(sender: str, rules: CleanupRules, routing: Routing) -> str:
    """Return the sender rewritten; the mail system's own name becomes the null sender."""
    if not sender:
        return sender
    address = rewrite(sender, routing.rules)
    myself = rules.parameters.empty_address_recipient
    if address[: len(myself)].lower() == myself.lower():
        return "" if address.lower() == rewrite(myself, routing.rules).lower() else address
    return address


async def clean_recipients(
    recipients: Sequence[Recipient],
    rules: CleanupRules,
    routing: Routing,
    rewriting: Rewriting,
) -> tuple[Recipient, ...]:
    """Return the recipients rewritten and expanded, without duplicates.

    Raises MapUnavailable, AliasExpansionError: the caller answers 451.
    """
    expands = rules.maps_addresses and routing.virtual_alias_maps
    if len(recipients) == 1 and not expands:
        return (await _rewritten(recipients[0], rules, rewriting),)
    kept = _Kept(rules)
    for recipient in recipients:
        rewritten = await _rewritten(recipient, rules, rewriting)
        if expands:
            addresses = await expand_virtual_aliases(rewritten.address, routing)
            if rewritten.notify & Notify.SUCCESS and addresses != (rewritten.address,):
                # The sender is told of the expansion, and of no delivery behind it.
                kept.add(msgspec.structs.replace(rewritten, was_expanded=True))
                notify = rewritten.notify & ~Notify.SUCCESS or Notify.NEVER
                rewritten = msgspec.structs.replace(rewritten, notify=notify)
            for address in addresses:
                kept.add(Recipient(address, rewritten.original, rewritten.orcpt, rewritten.notify))
        else:
            kept.add(rewritten)
    return tuple(kept.recipients)


async def copies(
    recipients: Iterable[Recipient], sender: str, rules: CleanupRules, routing: Routing
) -> list[Recipient]:
    """Return who gets a copy of a message from outside because its sender or a recipient says so.

    Raises MapUnavailable: the caller answers 451.
    """
    found: list[str] = []
    if rules.sender_bcc_maps and sender:
        found += await _lookup(rules.sender_bcc_maps, sender, routing)
    if rules.recipient_bcc_maps:
        for recipient in recipients:
            address = rewrite(recipient.address, routing.rules)
            found += await _lookup(rules.recipient_bcc_maps, address, routing)
    if rules.parameters.always_bcc:
        found.append(rules.parameters.always_bcc)
    return [silent_copy(address, routing) for address in found]


def silent_copy(address: str, routing: Routing) -> Recipient:
    """Return a recipient whose deliveries nobody is told of; *address* is in external form."""
    return Recipient(rewrite(unquote(address), routing.rules), notify=Notify.NEVER)


async def _lookup(maps: Maps, address: str, routing: Routing) -> list[str]:
    hit = await routing.lookup(maps, address)
    return [] if hit is None else [hit.value]


async def _rewritten(recipient: Recipient, rules: CleanupRules, rewriting: Rewriting) -> Recipient:
    address = recipient.address or rules.parameters.empty_address_recipient
    rewritten = await rewriting.recipient(address)
    # What is known already, of forwarded mail, is kept whether new ones are or not.
    original = recipient.original
    if not original and rules.parameters.enable_original_recipient:
        original = recipient.address
    original = original or rewritten
    if rewritten == recipient.address and original == recipient.original:
        return recipient
    return Recipient(rewritten, original, recipient.orcpt, recipient.notify)


class _Kept:
    """The recipients that are left when duplicates are gone; later ones are dropped.

    The same mailbox by two original recipients, or with two DSN wishes, is no duplicate.
    """

    def __init__(self, rules: CleanupRules) -> None:
        self.recipients: list[Recipient] = []
        self._limit = rules.parameters.duplicate_filter_limit
        self._tells_original = rules.parameters.enable_original_recipient
        self._known: set[tuple[str, str, str, Notify, bool]] = set()

    def add(self, recipient: Recipient) -> None:
        original = recipient.original if self._tells_original else ""
        key = (
            recipient.address.lower(),
            original.lower(),
            recipient.orcpt.lower(),
            recipient.notify,
            recipient.was_expanded,
        )
        if key in self._known:
            return
        if not self._limit or len(self._known) < self._limit:
            self._known.add(key)
        self.recipients.append(recipient)
