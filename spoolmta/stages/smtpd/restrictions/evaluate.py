"""Runs the restriction lists of a command and returns one decision.

Lists are asked one after the other: PERMIT ends a list, REJECT ends all. What is permitted in the
end is refused after all if a restriction said defer_if_permit; the first reason counts. Only what
is permitted even then is asked for in the tables of its domain.

Postfix:  smtpd(8), SMTPD_ACCESS_README, postconf(5) warn_if_reject, defer_if_permit
Must not: change the session; what is to be done is in the decision
"""

from typing import Final

import msgspec

from spoolmta.errors import ConfigError
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.restrictions.lists import Lists, Restriction, RestrictionLists
from spoolmta.stages.smtpd.restrictions.request import Request
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, PERMIT, Effect, Kind, Verdict

ABOUT_RECIPIENTS = frozenset(("RCPT", "VRFY"))
_DEPTH_LIMIT = 100


class Decision(msgspec.Struct):
    """What the lists say together.

    *reply* refuses the command; None permits it. *effects* are those of access(5) actions, in the
    order in which they came, and "reject_warning" for what warn_if_reject let through. *deferral*
    is a defer_if_permit that a later command of the same mail has to honour.
    """

    reply: Reply | None = None
    effects: list[Effect] = []
    deferral: Reply | None = None
    is_discarded: bool = False


PERMITTED: Final = Decision()
"""The decision that permits and wants nothing else; the common one, and never changed."""


async def evaluate(
    request: Request,
    lists: RestrictionLists,
    asked: Lists,
    *,
    deferral: Reply | None = None,
    is_last: bool = True,
) -> Decision:
    """Return what the lists *asked* say of a request.

    *deferral* is that of an earlier command. Unless the command *is_last* to decide on the mail, a
    defer_if_permit waits in the decision's deferral.
    """
    run = _Run(request, lists, deferral)
    await run.ask_all(asked)
    if run.is_over:
        return run.decision
    if not is_last:
        if run.defer_if_permit is not None:
            run.change().deferral = run.defer_if_permit
    elif run.defer_if_permit is not None:
        run.change().reply = run.defer_if_permit
    elif request.stage in ABOUT_RECIPIENTS:
        await run.ask_all(lists.after_rcpt)
    return run.decision


class _Run:
    """One evaluation under way; *is_over*: it is refused or discarded, no other list is asked."""

    __slots__ = (
        "_lists",
        "_request",
        "decision",
        "defer_if_permit",
        "defer_if_reject",
        "is_over",
    )

    def __init__(self, request: Request, lists: RestrictionLists, deferral: Reply | None) -> None:
        self.decision = PERMITTED
        self.is_over = False
        self.defer_if_permit = deferral
        self.defer_if_reject: Reply | None = None
        self._request = request
        self._lists = lists

    def change(self) -> Decision:
        """Return the decision, which is to be another than just to permit."""
        if self.decision is PERMITTED:
            self.decision = Decision()
        return self.decision

    async def ask_all(self, asked: Lists) -> None:
        """Run lists one after the other, until one refuses or discards."""
        for subject, restrictions in asked:
            # defer_if_reject speaks of the restrictions behind it that judge the same.
            if subject is not self._request.subject:
                self.defer_if_reject = None
            self._request.subject = subject
            await self.ask(restrictions)
            if self.is_over:
                break

    async def ask(
        self,
        restrictions: tuple[Restriction, ...],
        *,
        only_warn: bool = False,
        depth: int = 0,
    ) -> Kind:
        """Run a list; DUNNO means that it came to its end."""
        for restriction in restrictions:
            warn = only_warn or restriction.only_warns
            if restriction.judge is None:
                kind = await self.ask(restriction.members, only_warn=warn, depth=depth + 1)
            else:
                verdict = await restriction.judge(self._request)
                if verdict is PERMIT:
                    return Kind.PERMIT
                kind = Kind.DUNNO
                if verdict is not DUNNO:
                    kind = await self._take(verdict, only_warn=warn, depth=depth)
            if kind is not Kind.DUNNO:
                return kind
            if self.defer_if_permit and self.defer_if_reject:
                return Kind.PERMIT
        return Kind.DUNNO

    async def _take(self, verdict: Verdict, *, only_warn: bool, depth: int) -> Kind:
        if verdict.effect is not None:
            self.change().effects.append(verdict.effect)
        if verdict.restrictions:
            return await self._ask_result(verdict.restrictions, only_warn=only_warn, depth=depth)
        kind, reply = verdict.kind, verdict.reply
        if reply is None:
            if kind is Kind.DISCARD:
                self.change().is_discarded = self.is_over = True
            return kind
        if only_warn and not verdict.is_fault and kind is not Kind.DEFER_IF_REJECT:
            self.change().effects.append(Effect("reject_warning", "", reply.line))
            return Kind.DUNNO
        if kind is Kind.DEFER_IF_PERMIT:
            self.defer_if_permit = self.defer_if_permit or reply
            return Kind.DUNNO
        if kind is Kind.DEFER_IF_REJECT:
            self.defer_if_reject = self.defer_if_reject or reply
            return Kind.DUNNO
        if self.defer_if_reject is not None and reply.code >= 500:
            reply = self.defer_if_reject
        self._refuse(reply)
        return kind

    def _refuse(self, reply: Reply) -> None:
        self.change().reply = reply
        self.is_over = True

    async def _ask_result(self, text: str, *, only_warn: bool, depth: int) -> Kind:
        """Ask the restrictions that an access(5) result lists."""
        try:
            if depth >= _DEPTH_LIMIT:
                raise ConfigError(f"access table entries refer to each other: {text}")
            restrictions = self._lists.parse_result(text)
        except ConfigError as error:
            self.change().effects.append(Effect("warning", str(error)))
            self._refuse(Reply(451, "4.3.5", "Server configuration error"))
            return Kind.REJECT
        return await self.ask(restrictions, only_warn=only_warn, depth=depth + 1)
