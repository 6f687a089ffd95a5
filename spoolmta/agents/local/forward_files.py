"""The .forward file of a user: where it is looked for, and what it says.

Postfix:    local/dotforward.c, local_expand.c; local(8)
Parameters: forward_path, forward_expansion_filter
Must not:   open a user's file
"""

import re
from dataclasses import dataclass

from spoolmta.agents.command import censor
from spoolmta.agents.local.destination import Destination
from spoolmta.agents.local.lists import Lists
from spoolmta.agents.local.recipient import LocalRecipient
from spoolmta.agents.local.user import User
from spoolmta.config.expansion import expand
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maps.syntax import split_words

# A $name outside of a condition: a path that has one without a value is not looked for.
_PLAIN_NAME = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")


@dataclass(frozen=True, slots=True)
class ForwardFile:
    """A .forward file that exists; without *destinations* it is as if it did not.

    *has_extension*: its name has the extension of the address, which then goes no further.
    """

    path: str
    destinations: tuple[Destination, ...]
    has_extension: bool


class ForwardFiles:
    """forward_path; one per process."""

    def __init__(self, parameters: LocalParameters, lists: Lists) -> None:
        """Check the paths.

        Raises ConfigError: one breaks the syntax.
        """
        self._paths = split_words(parameters.forward_path)
        self._filter = parameters.forward_expansion_filter
        self._delimiter = parameters.recipient_delimiter[:1]
        self._lists = lists
        for path in self._paths:
            expand(path, lambda _: "")

    async def of(self, user: User, recipient: LocalRecipient) -> ForwardFile | None:
        """Return the first .forward file that there is.

        Raises MailboxError: it could not be read now; defer.
        """
        values = names(recipient, user, self._delimiter)
        values = {name: censor(value, self._filter) for name, value in values.items()}
        for template in self._paths:
            wanted = ("".join(groups) for groups in _PLAIN_NAME.findall(template))
            if not all(values.get(name) for name in wanted):
                continue
            path = expand(template, values.get)
            destinations = await self._lists.forward(path, user)
            if destinations is not None:
                without = expand(template, {**values, "extension": ""}.get)
                return ForwardFile(path, tuple(destinations), path != without)
        return None


def names(recipient: LocalRecipient, user: User | None, delimiter: str) -> dict[str, str]:
    """Return the $names of forward_path and its like; *delimiter* is that of no extension."""
    return {
        "user": recipient.user,
        "home": user.home if user else "",
        "shell": user.shell if user else "",
        "recipient": recipient.address,
        "local": recipient.local,
        "domain": recipient.domain,
        "extension": recipient.extension[1:],
        "recipient_delimiter": recipient.extension[:1] or delimiter,
    }
