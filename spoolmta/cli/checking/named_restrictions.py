"""Restrictions in the lists of SMTP servers that are misspelt, or that Postfix has and we have not.

An SMTP server does not start on a list that it cannot read, and reports the first fault only.

Postfix:    postconf(5) smtpd_recipient_restrictions, SMTPD_ACCESS_README, DEPRECATION_README
Must not:   open a table
"""

import difflib
from collections.abc import Iterator

from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.maps.syntax import split_words
from spoolmta.stages.smtpd.restrictions.lists import PLAIN, SLEEP, WARN_IF_REJECT, WITH_TABLE

LISTS = tuple(
    f"smtpd_{stage}_restrictions"
    for stage in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
)
_SUBJECTS = ("client", "reverse_client_hostname", "helo", "sender", "recipient")
_MISSING = frozenset((
    "permit_tls_clientcerts", "permit_tls_all_clientcerts", "reject_plaintext_session",
    "reject_sender_login_mismatch", "reject_authenticated_sender_login_mismatch",
    "reject_known_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch",
    "reject_unverified_sender", "reject_unverified_recipient", "permit_mx_backup",
    "reject_unknown_forward_client_hostname",
))  # fmt: skip
_MISSING_WITH_WORD = frozenset((
    "check_policy_service", "check_sasl_access", "check_ccert_access", "reject_rbl_client",
    "permit_dnswl_client", "permit_rhswl_client", "reject_rbl",
    *(f"reject_rhsbl_{s}" for s in ("client", "reverse_client", "helo", "sender", "recipient")),
    *(f"check_{s}_{records}_access" for s in _SUBJECTS for records in ("a", "mx", "ns")),
))  # fmt: skip
_REMOVED = {
    "check_relay_domains": "permit_mynetworks, reject_unauth_destination",
    "permit_naked_ip_address": "permit_mynetworks, permit_sasl_authenticated",
    "reject_maps_rbl": "reject_rbl_client",
}
_WITH_WORD = {*WITH_TABLE, *_MISSING_WITH_WORD, SLEEP}
_KNOWN = {*PLAIN, *_MISSING, *_WITH_WORD, WARN_IF_REJECT}


def is_missing(name: str) -> bool:
    """Return whether a restriction is one of Postfix's that does not exist here."""
    return name in _MISSING or name in _MISSING_WITH_WORD


def takes_word(name: str) -> bool:
    """Return whether the word behind a restriction belongs to it."""
    return name in _WITH_WORD


def faults(configuration: Configuration, service: Service) -> list[str]:
    """Return a sentence for each restriction that the server *service* cannot do.

    Raises ConfigError: a list is no list of words.
    """
    value = configuration.value("smtpd_restriction_classes", service.overrides)
    classes = split_words(value)
    return [
        f"{name}: {fault}"
        for name in (*LISTS, *classes)
        for fault in _faults(configuration.value(name, service.overrides), classes)
    ]


def _faults(text: str, classes: list[str]) -> Iterator[str]:
    words = iter(split_words(text))
    for word in words:
        name = word.lower()
        if word in classes or ":" in word:
            continue
        if takes_word(name):
            next(words, None)
        if is_missing(name):
            yield f"{name} is not supported yet"
        elif name in _REMOVED:
            yield f"{name} is not supported by Postfix any more; instead, specify {_REMOVED[name]}"
        elif name not in _KNOWN:
            near = difflib.get_close_matches(name, sorted({*_KNOWN, *classes}), n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            yield f'unknown smtpd restriction: "{word}"{hint}'
