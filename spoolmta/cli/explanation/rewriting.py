"""Sender and recipient rewritten, copies added, virtual aliases expanded: what cleanup makes of it.

What the envelope is in the end, cleanup itself says; the steps that lead there are taken one by
one to learn which entry makes each of them.

Postfix: cleanup(8), ADDRESS_REWRITING_README
"""

from dataclasses import dataclass

from spoolmta.address.canonical import AddressKind
from spoolmta.address.rewrite import rewrite
from spoolmta.address.routing import Routing
from spoolmta.cli.explanation.aliases import tree
from spoolmta.cli.explanation.facts import Line, Step
from spoolmta.maps.recorded import Lookup, Recorder, hits
from spoolmta.message.envelope import Client, Recipient
from spoolmta.stages.cleanup import recipients as cleanup_recipients
from spoolmta.stages.cleanup.rules import EXTERNAL_ORIGINS, CleanupRules
from spoolmta.stages.cleanup.run import Cleanup
from spoolmta.stages.cleanup.verdict import CleanupResult

_QUEUE_ID = "explain"
_CONTENT = b"\r\n"


@dataclass(frozen=True, slots=True)
class Post:
    """Mail for one address as it comes in: *origin* and *client* are those of the envelope."""

    recipient: str
    sender: str
    origin: str
    client: Client


@dataclass(frozen=True, slots=True)
class Desk:
    """What cleanup works with, its tables under watch."""

    rules: CleanupRules
    routing: Routing
    recorder: Recorder

    async def clean(self, post: Post, now: float) -> CleanupResult:
        """Return what cleanup makes of an empty message."""
        cleanup = Cleanup(
            self.rules,
            self.routing,
            queue_id=_QUEUE_ID,
            sender=post.sender,
            client=post.client,
            origin=post.origin,
            local_rewrite=True,
            arrived_at=now,
        )
        cleanup.feed(_CONTENT)
        result = await cleanup.finish([Recipient(post.recipient)])
        self.recorder.take()
        return result

    async def sender(self, sender: str) -> tuple[str, list[Step]]:
        """Return the sender of the envelope, and the steps to it.

        Raises MapUnavailable: the mail would wait.
        """
        cleaned = cleanup_recipients.clean_sender(sender, self.rules, self.routing)
        steps = _completed(sender, cleaned)
        mapped, more = await self._mapped(cleaned, AddressKind.ENVELOPE_SENDER)
        return mapped, steps + more

    async def line(self, given: str, why: Step | None = None) -> Line:
        """Return what one recipient becomes.

        Raises MapUnavailable, AliasExpansionError: the mail would wait.
        """
        address = given or self.rules.parameters.empty_address_recipient
        rewritten = rewrite(address, self.routing.rules)
        steps = _completed(given, rewritten)
        mapped, more = await self._mapped(rewritten, AddressKind.ENVELOPE_RECIPIENT)
        aliases = await tree(mapped, self.rules, self.routing, self.recorder)
        return Line(given, mapped, steps + more, aliases, why)

    async def copies(self, post: Post, sender: str) -> list[Line]:
        """Return what those become who get a copy because of the sender or the recipient.

        Raises MapUnavailable, AliasExpansionError: the mail would wait.
        """
        rules = self.rules
        if not (rules.copies and rules.maps_addresses and post.origin in EXTERNAL_ORIGINS):
            return []
        given = [Recipient(post.recipient)]
        found = await cleanup_recipients.copies(given, sender, rules, self.routing)
        wanted = [
            Step("copy", hit.value or "", hit.parameter, hit.table, hit.key, hit.value or "")
            for hit in hits(self.recorder.take())
        ]
        # What no table asked for, a parameter did.
        wanted += [
            Step("copy", copy.address, "always_bcc") for copy in found[len(wanted) : len(found)]
        ]
        return [await self.line(copy.address, why) for copy, why in zip(found, wanted, strict=True)]

    async def _mapped(self, address: str, kind: AddressKind) -> tuple[str, list[Step]]:
        """Return an address as canonical maps and masquerading leave it, and the steps to it."""
        rules = self.rules
        if not address or kind not in rules.mapped_kinds:
            return address, []
        warnings: list[str] = []
        address = await rules.canonical.replaced(address, kind, self.routing, warnings.append)
        steps = _canonical(self.recorder.take()) + [Step("warning", text) for text in warnings]
        if kind in rules.masquerade.kinds:
            shown = await rules.masquerade.hidden(address)
            self.recorder.take()
            if shown != address:
                steps.append(Step("masqueraded", shown, "masquerade_domains"))
            address = shown
        return address, steps


def _completed(given: str, complete: str) -> list[Step]:
    """Return the step from an address as it was given to one with a domain."""
    if given == complete:
        return []
    return [Step("rewritten", complete or "<>")]


def _canonical(lookups: list[Lookup]) -> list[Step]:
    return [
        Step("canonical", hit.value or "", hit.parameter, hit.table, hit.key, hit.value or "")
        for hit in hits(lookups)
    ]
