"""Parameters of the queue manager and of the stage that resolves for it."""

from spoolmta.config.parameter import Section, choice, number, seconds, text, yes_no
from spoolmta.config.parameters.common import LONGEST_LIFETIME, CommonParameters


class QueueManagerParameters(CommonParameters):
    """Windows, backoff, lifetimes."""

    minimal_backoff_time: float = seconds("300s", min=1)  # shortest pause before the next try
    maximal_backoff_time: float = seconds("4000s", min=1)  # longest pause before the next try
    bounce_queue_lifetime: float = seconds(
        "5d", unit="d", max=LONGEST_LIFETIME
    )  # then a notification is dropped
    initial_destination_concurrency: int = number("5", min=1)  # window of a fresh destination
    default_destination_concurrency_limit: int = number("20")  # widest window; 0: no limit
    default_destination_concurrency_failed_cohort_limit: int = number("1")  # then it is dead
    default_destination_concurrency_positive_feedback: str = text(
        "1", empty_allowed=False
    )  # what a success adds to the window: "1", "1/3", "1/concurrency"
    default_destination_concurrency_negative_feedback: str = text(
        "1", empty_allowed=False
    )  # what a failure of the destination takes from it
    destination_concurrency_feedback_debug: bool = yes_no("no")  # log how windows change
    default_destination_slowdown_limit: float = seconds(
        "0s"
    )  # longest pause after replies that ask for less, 421 or 4.7.x; 0: none (spoolmta only)
    default_destination_rate_delay: float = seconds("0s")  # pause of a destination after each
    default_transport_rate_delay: float = seconds("0s")  # pause of a transport between deliveries
    default_delivery_slot_cost: int = number("5")  # deliveries that let one other go before
    default_delivery_slot_loan: int = number("3")  # how many may before that is earned
    default_delivery_slot_discount: int = number("50", max=100)  # percent that need not be earned
    default_minimum_delivery_slots: int = number("3")  # what is smaller is never overtaken
    default_destination_recipient_limit: int = number("50")  # recipients in one delivery
    destination_grouping: str = choice(
        "none", ("none", "mx")
    )  # mx: domains with the same provider share one window (spoolmta only)
    transport_retry_time: float = seconds(
        "60s", min=1
    )  # pause before a transport that master.cf lacks is tried again
    defer_transports: str = text("")  # transports whose mail waits until somebody asks for it
    qmgr_message_active_limit: int = number("20000", min=1)  # active messages at a time
    qmgr_message_recipient_limit: int = number(
        "20000", min=1
    )  # recipients that have deliveries at a time; the others of a large message follow in slices
    qmgr_message_recipient_minimum: int = number("10", min=1)  # so many of a message at least
    default_recipient_limit: int = number("20000")  # recipients of a transport at a time
    default_recipient_refill_limit: int = number(
        "100", min=1
    )  # room for so many makes the next slice of a message worth it
    default_recipient_refill_delay: float = seconds("5s", min=1)  # longest wait for that


class QueueFileParameters(Section, without_meaning="the queue is a database, not a tree of files"):
    """Folders and files of the queue."""

    dont_remove: int = number("0")  # keep files of sent mail in "saved"
    hash_queue_depth: int = number("1", min=1)  # levels of folders
    hash_queue_names: str = text("deferred, defer", empty_allowed=False)  # queues with such levels
    queue_file_attribute_count_limit: int = number("100", min=1)  # attributes of a queue file


class QueueScanParameters(
    Section, without_meaning="deferred mail is tried when it is due, and nothing scans the queue"
):
    """How often the queue is looked through."""

    queue_run_delay: float = seconds("300s", min=1)  # how often deferred mail is examined


class QueueReserveParameters(
    Section, without_meaning="a message that may overtake has been brought in whole"
):
    """What is kept free for messages that overtake."""

    default_extra_recipient_limit: int = number(
        "1000"
    )  # recipients beyond the limit, for mail that overtakes


class QueueWatchParameters(
    Section, without_meaning="nothing that the queue manager does can hang or clog it"
):
    """Against a queue manager that hangs or is clogged."""

    qmgr_clog_warn_time: float = seconds("300s")  # how often a clogged queue is warned of
    qmgr_daemon_timeout: float = seconds("1000s", min=1)  # longest work on one request
    qmgr_fudge_factor: int = number("100")  # share of a message's recipients that is read at a time
    qmgr_ipc_timeout: float = seconds("60s", min=1)  # patience with other processes
