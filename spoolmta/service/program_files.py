"""The folders of Python and spoolmta, kept within reach of a process that gives up root.

Where they lie below a folder that only root may enter (a Python built in root's home, say), what is
imported later could not be found any more. So each folder that modules come from is opened before,
and found again by that descriptor after, where its own path leads nowhere.

Must not: be used where the user is to be kept from the program's files
"""

import os
import sys
from collections.abc import Iterator

_DESCRIPTORS = "/proc/self/fd"


class ProgramFiles:
    """Holds, from its making on, every folder that modules are imported from."""

    def __init__(self) -> None:
        """Open them; one that is not there is left alone."""
        self._held: dict[str, int] = {}
        for search_path in _search_paths():
            for folder in search_path:
                if folder not in self._held and os.path.isdir(folder):  # noqa: PTH112
                    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
                    self._held[folder] = os.open(folder, flags)

    def keep_within_reach(self) -> None:
        """Be called after the user has changed: what cannot be entered is found by descriptor."""
        lost = {}
        for folder, descriptor in self._held.items():
            if os.access(folder, os.R_OK | os.X_OK):
                os.close(descriptor)
            else:
                lost[folder] = f"{_DESCRIPTORS}/{descriptor}"
        self._held.clear()
        if lost:
            for search_path in _search_paths():
                search_path[:] = [lost.get(folder, folder) for folder in search_path]


def _search_paths() -> Iterator[list[str]]:
    """Yield the lists of folders that the import system goes through."""
    yield sys.path
    for module in list(sys.modules.values()):
        search_path = getattr(module, "__path__", None)
        if isinstance(search_path, list):
            yield search_path
