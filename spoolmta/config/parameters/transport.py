"""Parameters that each transport of master.cf has for itself: slow_destination_rate_delay.

Postfix: qmgr(8), pipe(8), spawn(8), postconf(5) "transport_..."
"""

from spoolmta.config.parameter import Section, number, seconds, text

_AGENTS = ("local", "virtual", "smtp", "lmtp", "pipe", "error")


class TransportParameters(Section, brought_by=_AGENTS):
    """Windows."""

    _destination_concurrency_limit: int = number(
        "$default_destination_concurrency_limit"
    )  # widest window; 0: no limit
    _destination_concurrency_failed_cohort_limit: int = number(
        "$default_destination_concurrency_failed_cohort_limit"
    )  # failed windows that make a destination dead
    _destination_recipient_limit: int = number(
        "$default_destination_recipient_limit"
    )  # recipients in one delivery
    _initial_destination_concurrency: int = number(
        "$initial_destination_concurrency", min=1
    )  # window of a fresh destination


class TransportPacingParameters(Section, brought_by=_AGENTS):
    """Pauses between deliveries."""

    _destination_slowdown_limit: float = seconds(
        "$default_destination_slowdown_limit"
    )  # longest pause after replies that ask for less (spoolmta only)
    _destination_rate_delay: float = seconds("$default_destination_rate_delay")  # by destination
    _transport_rate_delay: float = seconds("$default_transport_rate_delay")  # of all of them


class TransportFeedbackParameters(Section, brought_by=_AGENTS):
    """How windows follow what destinations answer."""

    _destination_concurrency_negative_feedback: str = text(
        "$default_destination_concurrency_negative_feedback", empty_allowed=False
    )  # by how much a failure narrows
    _destination_concurrency_positive_feedback: str = text(
        "$default_destination_concurrency_positive_feedback", empty_allowed=False
    )  # by how much a success widens


class TransportPreemptionParameters(Section, brought_by=_AGENTS):
    """How small messages overtake large ones."""

    _delivery_slot_cost: int = number("$default_delivery_slot_cost")  # deliveries for one slot
    _delivery_slot_discount: int = number("$default_delivery_slot_discount")  # percent let off
    _delivery_slot_loan: int = number("$default_delivery_slot_loan")  # slots let off
    _minimum_delivery_slots: int = number("$default_minimum_delivery_slots")  # slots worth it


class TransportSliceParameters(Section, brought_by=_AGENTS):
    """How the recipients of large messages are brought in."""

    _recipient_limit: int = number("$default_recipient_limit")  # with deliveries at a time
    _recipient_refill_delay: float = seconds("$default_recipient_refill_delay", min=1)  # wait
    _recipient_refill_limit: int = number("$default_recipient_refill_limit", min=1)  # worth it


class TransportReserveParameters(
    Section,
    brought_by=_AGENTS,
    without_meaning="a message that may overtake has been brought in whole",
):
    """What is kept free for messages that overtake."""

    _extra_recipient_limit: int = number("$default_extra_recipient_limit")  # for overtaking


class TransportCommandParameters(Section, brought_by=("pipe", "spawn")):
    """Commands that services run."""

    _time_limit: float = seconds("$command_time_limit", min=1)  # longest run of the command


SUFFIXES = {
    suffix: parameter
    for section in (
        TransportParameters,
        TransportPacingParameters,
        TransportFeedbackParameters,
        TransportPreemptionParameters,
        TransportSliceParameters,
        TransportReserveParameters,
        TransportCommandParameters,
    )
    for suffix, parameter in section.parameters.items()
}
"""All of them, by what stands behind the name of the transport."""
