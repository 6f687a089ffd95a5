from spoolmta.cli.checking.named_tables import faults
from spoolmta.config.loader import from_text

MASTER = "smtp inet n - n - - smtpd\n"


def blamed(text: str, master: str = MASTER) -> list[str]:
    """Return what is said of the tables of a main.cf."""
    configuration = from_text(f"alias_maps =\n{text}", master)
    found = faults(configuration, configuration.services)
    return [fault.text.partition(": ")[2] for fault in found]


def test_a_table_that_proxy_may_not_open_is_told() -> None:
    classes = "smtpd_restriction_classes = own\nown = check_client_access proxy:static:OK\n"
    (said,) = blamed(classes + "relocated_maps = proxy:static:moved\n")
    assert said.startswith('own: proxymap service is not configured for table "static:OK"; to')


def test_what_a_service_names_for_itself_is_approved_for_it() -> None:
    option = " -o { smtpd_client_restrictions = check_client_access proxy:static:OK }"
    assert blamed("", MASTER.strip() + option + "\n") == []


def test_a_server_that_anybody_may_be_must_not_name_mailboxes() -> None:
    (said,) = blamed("virtual_mailbox_maps = tcp:127.0.0.1:9\n")
    assert said.startswith("virtual_mailbox_maps: tcp:127.0.0.1:9 map is not allowed")
    assert blamed("virtual_alias_maps = tcp:127.0.0.1:9\n") == []
