"""What cleanup works by: parameters, tables, remembered header names; opened once per process.

cleanup is a service of its own in master.cf, as log readers and "-o header_checks=..." know it:
its options are found by cleanup_service_name, and its lines go to a log of its own.

Postfix:    cleanup(8), master(5), postconf(5) cleanup_service_name, receive_override_options
Parameters: myhostname, mail_name, message_drop_headers, header_checks, sender_bcc_maps,
            recipient_bcc_maps, remote_header_rewrite_domain, internal_mail_filter_classes,
            canonical_classes and its kin, masquerade_domains and its kin
"""

from collections.abc import Mapping

from spoolmta.address.canonical import AddressKinds, Canonical, parse_kinds
from spoolmta.address.masquerade import Masquerade
from spoolmta.address.routing import remote_rules
from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.cleanup import CleanupParameters
from spoolmta.errors import ConfigError
from spoolmta.maillog import MailLog
from spoolmta.maps import open_maps
from spoolmta.message.trace_headers import Receiver
from spoolmta.stages.cleanup.header_block import HeaderNames

_NOTHING: Mapping[str, str] = {}

EXTERNAL_ORIGINS = frozenset({"smtpd", "sendmail"})


class CleanupRules:
    """The rules of one service that receives mail."""

    def __init__(
        self, parameters: CleanupParameters, log: MailLog, receive_override_options: str = ""
    ) -> None:
        """Use `open`."""
        options = _words(receive_override_options)
        self.parameters = parameters
        self.log = log
        self.receiver = Receiver(parameters.myhostname, parameters.mail_name)
        self.maps_addresses = "no_address_mappings" not in options
        self.header_checks = open_maps(
            "" if "no_header_body_checks" in options else parameters.header_checks,
            utf8=False,
        )
        self.sender_bcc_maps = open_maps(parameters.sender_bcc_maps)
        self.recipient_bcc_maps = open_maps(parameters.recipient_bcc_maps)
        self.copies = bool(self.sender_bcc_maps or self.recipient_bcc_maps or parameters.always_bcc)
        self.remote_rewriting = (
            remote_rules(parameters) if parameters.remote_header_rewrite_domain else None
        )
        self.canonical = Canonical(
            parse_kinds(parameters.sender_canonical_classes, "sender_canonical_classes"),
            parse_kinds(parameters.recipient_canonical_classes, "recipient_canonical_classes"),
            parse_kinds(parameters.canonical_classes, "canonical_classes"),
        )
        self.masquerade = Masquerade.open(
            parameters.masquerade_domains,
            parameters.masquerade_exceptions,
            parameters.masquerade_classes,
        )
        # What tables or masquerading may change; of other addresses nothing is asked.
        self.mapped_kinds: AddressKinds = frozenset()
        if self.maps_addresses:
            self.mapped_kinds = self.canonical.kinds(parameters) | self.masquerade.kinds
        self.names = HeaderNames(_words(parameters.message_drop_headers))
        self._checked_classes = _words(parameters.internal_mail_filter_classes)

    @classmethod
    def open(
        cls, configuration: Configuration, log: MailLog, overrides: Mapping[str, str] = _NOTHING
    ) -> "CleanupRules":
        """Return the rules for a receiving service; *overrides* are that service's -o.

        *log* writes lines as cleanup's: context.log_as("cleanup").
        Raises ConfigError: a table cannot be used; the process does not start.
        """
        receiver = configuration.section(CleanupParameters, overrides)
        try:
            options = configuration.service(receiver.cleanup_service_name).overrides
        except ConfigError:
            options = _NOTHING
        parameters = configuration.section(CleanupParameters, options)
        return cls(parameters, log, receiver.receive_override_options)

    def checks(self, origin: str) -> bool:
        """Return whether header checks are made on mail of *origin*."""
        if not self.header_checks:
            return False
        return origin in EXTERNAL_ORIGINS or origin in self._checked_classes


def _words(text: str) -> frozenset[str]:
    return frozenset(text.replace(",", " ").lower().split())
