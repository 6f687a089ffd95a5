"""Log lines of concurrency windows and how they change.

Postfix:    postconf(5) destination_concurrency_feedback_debug
"""

from typing import NamedTuple

from spoolmta.maillog.log import MailLog


class Window(NamedTuple):
    """A window after an answer; *step* is what that added, None if nothing. Size 0: it is dead."""

    is_success: bool
    step: float | None
    limit: int
    size: int
    success: float
    failure: float
    failed_cohorts: float


def feedback(log: MailLog, transport: str, sign: str, share: int, at: int, step: float) -> None:
    """What an answer adds to, or takes from, windows of a transport that are *at* a size.

    *sign* is "positive" or "negative"; *share* is what it is divided by, as Postfix numbers it.
    """
    name = f"default_destination_concurrency_{sign}_feedback"
    log.info(f"{transport}: {name} feedback type {share} value at {at}: {step:g}")


def window(log: MailLog, destination: str, now: Window) -> None:
    """An answer of a destination has come in."""
    function = "qmgr_queue_unthrottle" if now.is_success else "qmgr_queue_throttle"
    if now.step is not None:
        log.info(f"{function}: feedback {now.step:g}")
    log.info(
        f"{function}: queue {destination}: limit {now.limit} window {now.size}"
        f" success {now.success:g} failure {now.failure:g} fail_cohorts {now.failed_cohorts:g}"
    )
