"""A process, fresh from a fork, that becomes a console script."""

import os
import sys
import traceback
from collections.abc import Callable, Mapping

FAILED = 70


def become(
    main: Callable[[], object],
    argv: list[str],
    environment: Mapping[str, str],
    descriptors: tuple[int, int, int],
) -> None:
    """Be the command, and never come back; *environment* is added to what there is."""
    status = FAILED
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(
            2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        os.environ.update(environment)
        sys.argv = argv
        main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
