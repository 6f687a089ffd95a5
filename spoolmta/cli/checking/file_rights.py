"""Who owns, and who may write, the configuration and the queue directory.

Whoever can write main.cf or the spool rules the mail system. Folders of Postfix that have no
counterpart here (spool folders, programs, data_directory) are not looked at.

Postfix:    postfix(1) check
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import ConfigError
from spoolmta.service.privileges import account

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def faults(configuration: Configuration) -> Iterator[str]:
    """Return a sentence for each file or folder that the wrong people own or may write."""
    folder = configuration.directory
    if folder is not None:
        for path in (folder, folder / "main.cf", folder / "master.cf"):
            yield from _faults(path, {0, os.geteuid()}, "root")
    parameters = configuration.section(CommonParameters)
    try:
        owner = account(parameters.mail_owner).pw_uid
    except ConfigError:
        return  # that there is no such user is told elsewhere
    queue = Path(parameters.queue_directory)
    yield from _faults(queue, {owner}, parameters.mail_owner)


def _faults(path: Path, owners: set[int], name: str) -> Iterator[str]:
    try:
        found = path.stat()
    except OSError:
        return  # it will be created, or reading it told what is wrong
    if found.st_uid not in owners:
        yield f"not owned by {name}: {path}"
    if found.st_mode & _OTHERS:
        yield f"group or other writable: {path}"
