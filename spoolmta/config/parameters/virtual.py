"""Parameters of delivery to virtual mailboxes, beside those of common.py.

Postfix: virtual(8), postconf(5)
"""

from spoolmta.config.parameter import LARGEST_SIZE, number, text
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.local import MailboxParameters


class VirtualParameters(MailboxParameters, RoutingParameters):
    """Whose a virtual mailbox is, and how large it may be. Its place is virtual_mailbox_maps."""

    virtual_uid_maps: str = text("")  # user id by address; without root: our own
    virtual_gid_maps: str = text("")  # group id by address; without root: our own
    virtual_minimum_uid: int = number("100", min=1)  # smallest user id that is believed
    virtual_mailbox_limit: int = number("51200000", max=LARGEST_SIZE)  # bytes; 0: no limit
    virtual_mailbox_lock: str = text("fcntl, dotlock")  # how it is locked
