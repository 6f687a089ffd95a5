"""Parameters of several instances on one machine.

Postfix: postmulti(1), MULTI_INSTANCE_README, postconf(5)
"""

from spoolmta.config.parameter import Section, text, yes_no


class InstanceParameters(Section, not_yet="one instance is managed at a time"):
    """Which instances there are, and what postmulti does with them."""

    alternate_config_directories: str = text("")  # folders that non-root users may name with -c
    multi_instance_directories: str = text("")  # configuration folders of the other instances
    multi_instance_enable: bool = yes_no("no")  # this instance may be started by postmulti
    multi_instance_group: str = text("")  # group of instances that this one is in
    multi_instance_wrapper: str = text("")  # command that start and stop all instances go through
    postmulti_start_commands: str = text("start")  # commands that start an instance
    postmulti_stop_commands: str = text(
        "stop abort drain quick-stop"
    )  # commands that stop an instance
    postmulti_control_commands: str = text(
        "reload flush"
    )  # commands that other instances are told when running
