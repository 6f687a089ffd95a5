"""Who gives the command: the login name, also behind sudo, and the user id.

Must not: be asked after the command has become mail_owner
"""

import contextlib
import os
import pwd

from spoolmta.spool.surgery.operations import Author


def who() -> Author:
    """Return the user at the keyboard."""
    uid = os.getuid()
    name = os.environ.get("SUDO_USER", "") if uid == 0 else ""
    if name:
        with contextlib.suppress(KeyError):
            return Author(name, pwd.getpwnam(name).pw_uid)
    try:
        return Author(pwd.getpwuid(uid).pw_name, uid)
    except KeyError:
        return Author(f"uid {uid}", uid)
