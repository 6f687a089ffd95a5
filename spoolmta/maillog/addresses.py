"""Addresses as log lines show them: quoted where the mail protocol would quote them.

Postfix:    postconf(5) info_log_address_format
RFC:        5321, 4.1.2
"""

import re

# What may stand in no atom; named are the few, since a set of nearly all characters takes long to
# compile.
_NO_ATOM = re.compile(r'[\x00-\x20"(),:;<>@\[\\\]\x7f]')


def shown(address: str, *, external: bool) -> str:
    """Return *address*, which is in internal form, with its local part quoted if it must be."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    if not external or not local or _is_dot_atom(local):
        return address
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"{at}{domain}'


def _is_dot_atom(local: str) -> bool:
    return (
        _NO_ATOM.search(local) is None
        and local[0] != "."
        and local[-1] != "."
        and ".." not in local
    )
