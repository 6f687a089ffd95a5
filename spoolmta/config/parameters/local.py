"""Parameters of local delivery, and of the mailboxes that local and virtual share.

Postfix: local(8), aliases(5), postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.common import CommonParameters

_FILTER = "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class MailboxParameters(CommonParameters):
    """How a mailbox is locked."""

    deliver_lock_attempts: int = number("20", min=1)  # tries to lock a mailbox
    deliver_lock_delay: float = seconds("1s", min=1)  # pause between them
    stale_lock_time: float = seconds("500s", min=1)  # age at which a lock file is removed


class LocalParameters(MailboxParameters, RoutingParameters):
    """Aliases, .forward files, commands and mailboxes of the users of this machine.

    forward_path, mailbox_command, luser_relay and command_execution_directory are read unexpanded:
    their $names are those of a recipient, or of the shell.
    """

    forward_path: str = text(
        "$home/.forward${recipient_delimiter}${extension}, $home/.forward"
    )  # where a user's .forward is looked for
    forward_expansion_filter: str = text(
        _FILTER, empty_allowed=False
    )  # characters that $names may bring into it
    allow_mail_to_commands: str = text("alias, forward")  # lists that may name commands
    allow_mail_to_files: str = text("alias, forward")  # lists that may name files
    expand_owner_alias: bool = yes_no("no")  # sender is what owner-x expands to, not owner-x
    reset_owner_alias: bool = yes_no("no")  # an alias in a list with an owner has none itself
    frozen_delivered_to: bool = yes_no("yes")  # Delivered-To is the first address, not the last
    prepend_delivered_header: str = text(
        "command, file, forward"
    )  # deliveries that get a Delivered-To header
    mailbox_transport_maps: str = text("")  # transport for a user's mail, by user
    mailbox_transport: str = text("")  # transport for the mail of every user
    mailbox_command_maps: str = text("")  # command for a user's mail, by user
    mailbox_command: str = text("")  # command for the mail of every user
    home_mailbox: str = text("")  # mailbox below the home folder; with "/" at its end a maildir
    mailbox_delivery_lock: str = text("fcntl, dotlock", empty_allowed=False)  # how it is locked
    strict_mailbox_ownership: bool = yes_no("yes")  # defer if a mailbox is not its user's
    require_home_directory: bool = yes_no("no")  # defer if the user's home folder is not there
    fallback_transport_maps: str = text("")  # transport for names that are no users, by name
    fallback_transport: str = text("")  # transport for names that are no users
    luser_relay: str = text("")  # address for mail to users that do not exist
    local_command_shell: str = text("")  # program that runs all commands, such as a safe shell
    command_execution_directory: str = text("")  # where commands begin; empty: the queue's folder
    execution_directory_expansion_filter: str = text(
        _FILTER, empty_allowed=False
    )  # as forward_expansion_filter
    command_expansion_filter: str = text(
        _FILTER, empty_allowed=False
    )  # characters that environment values may have
    biff: bool = yes_no("yes")  # tell comsat(8) of new mail in a mailbox that is one file


class SunParameters(Section, without_meaning="it concerns the past, or the wording of warnings"):
    """Habits of SunOS."""

    sun_mailtool_compatibility: bool = yes_no("no")  # lock files for mailtool


class LocalWindowParameters(Section):
    """What the transport local has by default in place of the default_... parameters."""

    local_destination_concurrency_limit: int = number("2")  # widest window of local delivery
    local_destination_recipient_limit: int = number("1")  # recipients in one local delivery
