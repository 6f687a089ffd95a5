"""Restriction lists as main.cf has them, and the registry of restrictions.

A restriction is one function; its name in main.cf leads to it. A name that is not known stops the
process at its start: a list that is only half applied could make an open relay.

Postfix:    postconf(5) smtpd_recipient_restrictions, SMTPD_ACCESS_README, RESTRICTION_CLASS_README
Parameters: smtpd_client_restrictions, smtpd_helo_restrictions, smtpd_sender_restrictions,
            smtpd_relay_restrictions, smtpd_recipient_restrictions, smtpd_data_restrictions,
            smtpd_end_of_data_restrictions, smtpd_etrn_restrictions, smtpd_restriction_classes,
            smtpd_delay_reject, smtpd_relay_before_recipient_restrictions,
            smtpd_reject_unlisted_sender, smtpd_reject_unlisted_recipient
"""

import functools
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from spoolmta.config.parameters.smtpd import AccessParameters
from spoolmta.errors import ConfigError
from spoolmta.maps import Maps, open_map
from spoolmta.maps.syntax import split_words
from spoolmta.stages.smtpd.restrictions import (
    access,
    always,
    client,
    helo,
    recipient,
    relay,
    sender,
)
from spoolmta.stages.smtpd.restrictions.request import Request, Subject
from spoolmta.stages.smtpd.restrictions.verdict import Verdict

Judge = Callable[[Request], Awaitable[Verdict]]
TableJudge = Callable[[Request, Maps], Awaitable[Verdict]]

PLAIN: dict[str, Judge] = {
    "permit": always.permit,
    "reject": always.reject,
    "defer": always.defer,
    "defer_if_permit": always.defer_if_permit,
    "defer_if_reject": always.defer_if_reject,
    "reject_unauth_pipelining": always.reject_unauth_pipelining,
    "permit_mynetworks": client.permit_mynetworks,
    "permit_inet_interfaces": client.permit_inet_interfaces,
    "permit_sasl_authenticated": client.permit_sasl_authenticated,
    "reject_unknown_client_hostname": client.reject_unknown_client_hostname,
    "reject_unknown_client": client.reject_unknown_client_hostname,
    "reject_unknown_reverse_client_hostname": client.reject_unknown_reverse_client_hostname,
    "reject_invalid_helo_hostname": helo.reject_invalid_helo_hostname,
    "reject_invalid_hostname": helo.reject_invalid_helo_hostname,
    "reject_non_fqdn_helo_hostname": helo.reject_non_fqdn_helo_hostname,
    "reject_non_fqdn_hostname": helo.reject_non_fqdn_helo_hostname,
    "reject_unknown_helo_hostname": helo.reject_unknown_helo_hostname,
    "reject_unknown_hostname": helo.reject_unknown_helo_hostname,
    "reject_non_fqdn_sender": sender.reject_non_fqdn_sender,
    "reject_unknown_sender_domain": sender.reject_unknown_sender_domain,
    "reject_unknown_address": sender.reject_unknown_sender_domain,
    "reject_unlisted_sender": sender.reject_unlisted_sender,
    "reject_non_fqdn_recipient": recipient.reject_non_fqdn_recipient,
    "reject_unknown_recipient_domain": recipient.reject_unknown_recipient_domain,
    "reject_unlisted_recipient": recipient.reject_unlisted_recipient,
    "check_recipient_maps": recipient.reject_unlisted_recipient,
    "reject_multi_recipient_bounce": recipient.reject_multi_recipient_bounce,
    "permit_auth_destination": relay.permit_auth_destination,
    "reject_unauth_destination": relay.reject_unauth_destination,
    "defer_unauth_destination": relay.defer_unauth_destination,
}
WITH_TABLE: dict[str, TableJudge] = {
    "check_client_access": access.check_client_access,
    "check_reverse_client_hostname_access": access.check_reverse_client_hostname_access,
    "check_helo_access": access.check_helo_access,
    "check_sender_access": access.check_sender_access,
    "check_recipient_access": access.check_recipient_access,
    "check_etrn_access": access.check_etrn_access,
    "check_address_map": access.check_address_map,
}
WARN_IF_REJECT = "warn_if_reject"
SLEEP = "sleep"

# What a table alone, without a check_..._access before it, means in a list.
_TABLE_ALONE = {
    "smtpd_client_restrictions": "check_client_access",
    "smtpd_helo_restrictions": "check_helo_access",
    "smtpd_sender_restrictions": "check_sender_access",
    "smtpd_relay_restrictions": "check_recipient_access",
    "smtpd_recipient_restrictions": "check_recipient_access",
    "smtpd_etrn_restrictions": "check_etrn_access",
}
_GUARDED = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
_DEEPEST_CLASS = 100
_SECONDS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Restriction:
    """One element of a list: a function, or a class of restrictions that stands for its list.

    *only_warns*: a warn_if_reject stood before it.
    """

    name: str
    judge: Judge | None = None
    members: "tuple[Restriction, ...]" = ()
    only_warns: bool = False


Lists = tuple[tuple[Subject, tuple[Restriction, ...]], ...]
"""Lists to be asked one after the other, each with what it judges."""


class RestrictionLists:
    """All lists of a service, their tables open, in the order in which a command asks them."""

    def __init__(self, parameters: AccessParameters, value_of: Callable[[str], str]) -> None:
        """Open the lists; *value_of* gives the text of a class.

        Raises ConfigError: a restriction is not known, or nothing guards against relaying.
        """
        self._value_of = value_of
        self._class_names = frozenset(split_words(parameters.smtpd_restriction_classes))
        self._classes: dict[str, tuple[Restriction, ...]] = {}
        client = self._asked(Subject.CLIENT, "smtpd_client_restrictions", parameters)
        helo = self._asked(Subject.HELO, "smtpd_helo_restrictions", parameters)
        sender = self._asked(Subject.SENDER, "smtpd_sender_restrictions", parameters)
        relaying = self._asked(Subject.RECIPIENT, "smtpd_relay_restrictions", parameters)
        recipient = self._asked(Subject.RECIPIENT, "smtpd_recipient_restrictions", parameters)
        etrn = self._asked(Subject.ETRN, "smtpd_etrn_restrictions", parameters)
        if parameters.smtpd_reject_unlisted_sender:
            sender += ((Subject.SENDER, self.parse("reject_unlisted_sender", "")),)
        own = (
            relaying + recipient
            if parameters.smtpd_relay_before_recipient_restrictions
            else recipient + relaying
        )
        delayed = parameters.smtpd_delay_reject
        self.at_connect: Lists = () if delayed else client
        self.at_hello: Lists = () if delayed else helo
        self.at_mail: Lists = () if delayed else sender
        self.at_rcpt: Lists = client + helo + sender + own if delayed else own
        self.at_etrn: Lists = client + helo + etrn if delayed else etrn
        self.at_data = self._asked(Subject.DATA, "smtpd_data_restrictions", parameters)
        self.at_end_of_data = self._asked(
            Subject.END_OF_DATA, "smtpd_end_of_data_restrictions", parameters
        )
        unlisted = "reject_unlisted_recipient" * parameters.smtpd_reject_unlisted_recipient
        self.after_rcpt: Lists = (
            ((Subject.RECIPIENT, self.parse(unlisted, "")),) if unlisted else ()
        )
        if not any(_guards(restrictions) for _, restrictions in own):
            raise ConfigError(
                f"in parameter {' or '.join(_GUARDED)}, specify at least one working instance"
                f" of: {', '.join(relay.GUARDS[:-1])} or {relay.GUARDS[-1]}"
            )
        self.parse_result = functools.lru_cache(maxsize=1024)(self._parse_result)

    def parse(self, text: str, parameter: str) -> tuple[Restriction, ...]:
        """Return the restrictions of another list, that of *parameter*.

        Raises ConfigError: a restriction is not known; the process does not start.
        """
        return self._parse(text, Place(parameter, _TABLE_ALONE.get(parameter, "")))

    def _asked(self, subject: Subject, name: str, parameters: AccessParameters) -> Lists:
        """Return the list *name* as one to be asked; nothing if it is empty."""
        restrictions = self.parse(getattr(parameters, name), name)
        return ((subject, restrictions),) if restrictions else ()

    def _parse_result(self, text: str) -> tuple[Restriction, ...]:
        """Return the restrictions that an access(5) result lists.

        Raises ConfigError: one is not known, or needs a table; the client gets 451 4.3.5.
        """
        if ":" in text:
            raise ConfigError(
                f"access table has entry with lookup table: {text}; define a restriction class"
                " and specify its name instead"
            )
        return self._parse(text, Place(""))

    def _parse(self, text: str, place: "Place") -> tuple[Restriction, ...]:
        words = iter(split_words(text))
        restrictions = []
        only_warns = False
        for word in words:
            if word.lower() == WARN_IF_REJECT:
                only_warns = True
                continue
            restriction = self.parse_one(word, words, place)
            restrictions.append(replace(restriction, only_warns=only_warns))
            only_warns = False
        return tuple(restrictions)

    def parse_one(self, word: str, following: Iterator[str], place: "Place") -> Restriction:
        """Return the restriction *word*; its argument is taken from the words *following*.

        Raises ConfigError: it is not known, or its argument cannot be used.
        """
        name = word.lower()
        if word in self._class_names:
            return Restriction(word, members=self._class(word, place))
        if name in PLAIN:
            return Restriction(name, PLAIN[name])
        if name in WITH_TABLE:
            return self._with_table(name, next(following, ""), place)
        if name == SLEEP:
            seconds = next(following, "")
            if not _SECONDS.fullmatch(seconds):
                raise ConfigError(f'{place.prefix}{SLEEP} "{seconds}": expected seconds')
            return Restriction(name, functools.partial(always.sleep, seconds=float(seconds)))
        if ":" in word and place.table_alone:
            return self._with_table(place.table_alone, word, place)
        raise ConfigError(f'{place.prefix}unknown smtpd restriction: "{word}"')

    def _with_table(self, name: str, table: str, place: "Place") -> Restriction:
        if ":" not in table:
            raise ConfigError(
                f'{place.prefix}restriction {name}: bad argument "{table}": need maptype:mapname'
            )
        try:
            maps = self.open_table(table, name)
        except ConfigError as error:
            raise ConfigError(f"{place.prefix}{name}: {error}") from error
        judge = WITH_TABLE[name]
        return Restriction(name, lambda request: judge(request, maps))

    def open_table(self, spec: str, restriction: str) -> Maps:  # noqa: ARG002
        """Return the table *spec* for a check_..._access.

        Raises ConfigError: it cannot be opened.
        """
        return Maps([open_map(spec)], spec)

    def _class(self, name: str, place: "Place") -> tuple[Restriction, ...]:
        known = self._classes.get(name)
        if known is None:
            if place.depth >= _DEEPEST_CLASS:
                raise ConfigError(f"{place.prefix}restriction class {name} contains itself")
            known = self._parse(self._value_of(name), Place(name, "", place.depth + 1))
            self._classes[name] = known
        return known


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list stands: its parameter, what a table alone means there, the depth of classes."""

    parameter: str
    table_alone: str = ""
    depth: int = 0

    @property
    def prefix(self) -> str:
        """What an error text begins with."""
        return f"{self.parameter}: " if self.parameter else ""


def _guards(restrictions: tuple[Restriction, ...]) -> bool:
    """Return whether a list can refuse mail that is not ours, whatever else it permits."""
    for restriction in restrictions:
        if restriction.only_warns:
            continue
        if restriction.name in relay.GUARDS or _guards(restriction.members):
            return True
        if restriction.name == "permit":
            return False
    return False
