"""What became of all recipients, as a table of totals and the names of those that are missing."""

from spoolmta.cli.output import Progress, note, print_json, print_table, printable
from spoolmta.cli.units import plural
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions.audit import ACCOUNTS, Audit, audit
from spoolmta.spool.queues import State


def show(spool: Spool, *, as_json: bool) -> bool:
    """Print the account; return whether every recipient is in it."""
    progress = Progress("recipients accounted for:")
    account = Audit()
    for seen, account in audit(spool):  # noqa: B007
        progress.advance(seen)
    progress.end()
    if as_json:
        print_json(
            {
                "accounts": {name: account.accounts[name] for name in (*ACCOUNTS, *State)},
                "violators": [violator._asdict() for violator in account.violators],
            }
        )
        return not account.violators
    rows = [(name, account.accounts[name]) for name in (*ACCOUNTS, *State)]
    print_table(("account", "recipients"), rows, right=("recipients",))
    for queue_id, recipient, problem in account.violators:
        print(f"{queue_id}  {printable(recipient) or '-'}: {problem}")
    if account.violators:
        note(f"{plural(len(account.violators), 'recipient')} in no account")
    return not account.violators
