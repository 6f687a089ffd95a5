"""Who hands a message in on this machine: the account behind a uid.

Postfix: sendmail(1), fullname(3)
Reads:   the system's accounts
"""

import pwd
from typing import NamedTuple


class Submitter(NamedTuple):
    """An account: its uid, its login name and its full name ("" if there is none)."""

    uid: int
    name: str
    full_name: str


def find_submitter(uid: int) -> Submitter:
    """Return the account of *uid*; one that the system does not know goes by its number."""
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return Submitter(uid, str(uid), "")
    full_name = account.pw_gecos.partition(",")[0]
    # In this field "&" stands for the login name.
    full_name = full_name.replace("&", account.pw_name.capitalize())
    return Submitter(uid, account.pw_name, full_name)
