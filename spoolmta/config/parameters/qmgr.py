"""Parameters of the queue manager and of the stage that resolves for it."""

from spoolmta.config.parameter import number, seconds, text
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
    default_destination_rate_delay: float = seconds("0s")  # pause of a destination after each
    default_transport_rate_delay: float = seconds("0s")  # pause of a transport between deliveries
    default_delivery_slot_cost: int = number("5")  # deliveries that let one other go before
    default_delivery_slot_loan: int = number("3")  # how many may before that is earned
    default_delivery_slot_discount: int = number("50", max=100)  # percent that need not be earned
    default_minimum_delivery_slots: int = number("3")  # what is smaller is never overtaken
    default_destination_recipient_limit: int = number("50")  # recipients in one delivery
    qmgr_message_active_limit: int = number("20000", min=1)  # active messages at a time
