"""Alias tables: what a name stands for, with whose rights, and who owns the list.

Postfix:    local/alias.c; aliases(5)
Parameters: alias_maps, owner_request_special, expand_owner_alias, default_privs
Must not:   take a lookup error for "no such alias"
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from spoolmta.address.address_list import parse_address_list
from spoolmta.address.quoting import quote
from spoolmta.address.rewrite import RewriteRules, rewrite
from spoolmta.agents.local.user import User, find_user_by_id
from spoolmta.agents.mailbox.trouble import MailboxError
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.errors import MapUnavailable
from spoolmta.maillog import MailLog
from spoolmta.maps import Maps, open_maps
from spoolmta.maps.files.table_build import SUFFIXES


@dataclass(frozen=True, slots=True)
class Alias:
    """What a table says of a name; *rights* are those of the table's owner, None for root's."""

    name: str
    value: str
    rights: User | None


class Aliases:
    """alias_maps; one per process."""

    def __init__(self, parameters: LocalParameters, rules: RewriteRules, log: MailLog) -> None:
        """Open the tables.

        Raises ConfigError: a table cannot be used.
        """
        self._parameters = parameters
        self.alias_maps: Maps = open_maps(parameters.alias_maps, sensitive=True)
        self._rules = rules
        self._log = log

    async def find(self, name: str) -> Alias | None:
        """Return the alias *name*, None if there is none.

        Raises MailboxError: a table gives no answer, or its owner is unknown; defer.
        """
        for key in dict.fromkeys((name, quote(name))):
            for table in self.alias_maps.maps:
                try:
                    value = await table.lookup(key)
                except MapUnavailable as error:
                    self._log.warning(str(error))
                    raise MailboxError("4.3.0", "alias database unavailable") from error
                if value is not None and value.strip():
                    return Alias(name, value, await self._rights(table.name))
        return None

    async def owner(self, name: str) -> str | None:
        """Return who gets reports on mail that goes through the alias *name*; None: its sender.

        Raises MailboxError: as `find`.
        """
        if not self._parameters.owner_request_special or not self.alias_maps:
            return None
        owner = f"owner-{name}"
        found = await self.find(owner)
        if found is None:
            return None
        if self._parameters.expand_owner_alias:
            listed = parse_address_list(found.value)
            owner = listed[0].internal if len(listed) == 1 else owner
        return rewrite(owner, self._rules)

    async def _rights(self, table: str) -> User | None:
        uid = await asyncio.to_thread(owner_of_table, table)
        if not uid:
            return None
        user = await find_user_by_id(uid)
        if user is None:
            self._log.warning(f"cannot find alias database owner for {table}")
            raise MailboxError("4.3.0", "cannot find alias database owner")
        return user


def owner_of_table(table: str) -> int | None:
    """Return whose the file of the table "type:/path" is; None if it is in no file of its own."""
    types, _, path = table.rpartition(":")
    if not path.startswith("/"):
        return None
    try:
        return Path(path + SUFFIXES.get(types.rpartition(":")[2], "")).stat().st_uid
    except OSError:
        return None
