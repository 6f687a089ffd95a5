"""The restriction lists of an SMTP server under watch: who was asked, and what the answer was.

A restriction that Postfix has and that does not exist here yet is passed over, and told of. So is
one that would ask the name service, when that is not to be asked.

Postfix: postconf(5) smtpd_recipient_restrictions
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from spoolmta.cli.checking import named_restrictions
from spoolmta.cli.explanation.facts import Judgement, Step
from spoolmta.config.parameters.smtpd import AccessParameters
from spoolmta.errors import TemporaryError
from spoolmta.maps import Maps
from spoolmta.maps.recorded import Recorder, hits
from spoolmta.net.dns import Answer, Resolver
from spoolmta.stages.smtpd.restrictions.lists import (
    SLEEP,
    Judge,
    Lists,
    Place,
    Restriction,
    RestrictionLists,
)
from spoolmta.stages.smtpd.restrictions.request import Request
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, Verdict

_NOT_YET = "not evaluated: not supported yet"
_NO_SLEEP = "not evaluated: nobody need wait"
_NO_DNS = "not evaluated: the name service is not asked"
# What depends on the client's name, which is not looked up either.
_OF_NAMES = frozenset(
    (
        "reject_unknown_client_hostname",
        "reject_unknown_client",
        "reject_unknown_reverse_client_hostname",
    )
)


class NotAsked(TemporaryError):
    """The name service is not to be asked."""


class SilentResolver(Resolver):
    """A name service that is never asked."""

    async def lookup(self, name: str, record_type: str) -> Answer[str]:
        """Raise NotAsked."""
        raise NotAsked(f"{name} {record_type}")


class WatchedLists(RestrictionLists):
    """The lists.

    *judgements* are what was asked, in its order, *trouble* what a table said that gave no answer.
    """

    def __init__(
        self,
        parameters: AccessParameters,
        value_of: Callable[[str], str],
        recorder: Recorder,
        *,
        asks_dns: bool,
    ) -> None:
        """Open the lists.

        Raises ConfigError: as RestrictionLists; the server would not start.
        """
        self.judgements: list[Judgement] = []
        self.trouble = ""
        self._recorder = recorder
        self._asks_dns = asks_dns
        super().__init__(parameters, value_of)

    def open_table(self, spec: str, restriction: str) -> Maps:
        """See RestrictionLists: the table is under watch."""
        return self._recorder.watch(restriction, super().open_table(spec, restriction))

    def parse_one(self, word: str, following: Iterator[str], place: Place) -> Restriction:
        """See RestrictionLists: the restriction is under watch."""
        words: list[str] = []
        name = word.lower()
        if named_restrictions.is_missing(name):
            if named_restrictions.takes_word(name):
                words.append(next(following, ""))
            restriction = Restriction(name, _pass_over)
        else:
            restriction = super().parse_one(word, _noting(following, words), place)
        if restriction.judge is None:
            return restriction
        shown = " ".join((restriction.name, *words))
        return replace(restriction, judge=self._watched(restriction.judge, shown, place.parameter))

    def _watched(self, judge: Judge, shown: str, parameter: str) -> Judge:
        async def watched(request: Request) -> Verdict:
            if judge is _pass_over:
                return self._passed_over(request, parameter, shown, _NOT_YET)
            if shown.startswith(SLEEP):
                return self._passed_over(request, parameter, shown, _NO_SLEEP)
            if not self._asks_dns and shown in _OF_NAMES:
                return self._passed_over(request, parameter, shown, _NO_DNS)
            self._recorder.take()
            try:
                verdict = await judge(request)
            except NotAsked:
                return self._passed_over(request, parameter, shown, _NO_DNS)
            lookups = self._recorder.take()
            self.trouble = next((one.error for one in lookups if one.error), self.trouble)
            steps = [
                Step("looked up", hit.value or "", hit.parameter, hit.table, hit.key)
                for hit in hits(lookups)
            ]
            answer = verdict.restrictions or verdict.kind.value
            self.judgements.append(Judgement(request.stage, parameter, shown, answer, steps))
            return verdict

        return watched

    def _passed_over(self, request: Request, parameter: str, shown: str, why: str) -> Verdict:
        judgement = Judgement(request.stage, parameter, shown, why, evaluated=False)
        if judgement not in self.judgements:
            self.judgements.append(judgement)
        return DUNNO


async def _pass_over(request: Request) -> Verdict:  # noqa: ARG001
    return DUNNO


def _noting(following: Iterator[str], words: list[str]) -> Iterator[str]:
    for word in following:
        words.append(word)
        yield word


def stages(lists: RestrictionLists) -> tuple[tuple[str, Lists], ...]:
    """Return the commands before RCPT, with the lists that each asks."""
    return (("CONNECT", lists.at_connect), ("EHLO", lists.at_hello), ("MAIL", lists.at_mail))
