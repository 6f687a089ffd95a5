import asyncio
import os
import pwd

import pytest

from spoolmta.agents.local.user import find_user


def test_a_user_is_found_as_the_system_knows_it() -> None:
    entry = pwd.getpwuid(os.geteuid())
    user = asyncio.run(find_user(entry.pw_name))
    assert user is not None
    assert (user.name, user.uid, user.gid) == (entry.pw_name, entry.pw_uid, entry.pw_gid)
    assert (user.home, user.shell) == (entry.pw_dir, entry.pw_shell)


@pytest.mark.parametrize("name", ["", "no-such-user-here", "a/b", "a\0b", "x" * 300, "\udce9"])
def test_a_name_that_nobody_has_is_nobody(name: str) -> None:
    assert asyncio.run(find_user(name)) is None
