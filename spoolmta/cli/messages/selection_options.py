"""The selector as options of a command line: the same ones on every verb.

Must not: import what is heavy; the command line is built from it
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from spoolmta.cli.messages.choice import Choice, Filters

_Texts = list[str] | None
_OPTIONS: dict[str, Any] = {
    "state": Annotated[
        _Texts, typer.Option("--state", help="maildrop, incoming, active, deferred, hold, corrupt.")
    ],
    "sender": Annotated[
        _Texts, typer.Option("--sender", help="Envelope sender; * and ? are wildcards, <> is null.")
    ],
    "recipient": Annotated[
        _Texts, typer.Option("--recipient", help="A recipient that waits; wildcards as above.")
    ],
    "domain": Annotated[_Texts, typer.Option("--domain", help="Domain of a recipient that waits.")],
    "nexthop": Annotated[
        _Texts, typer.Option("--nexthop", help="Where it is on its way to, or was tried.")
    ],
    "reason": Annotated[
        _Texts, typer.Option("--reason", help="Some text out of the reason why it waits.")
    ],
    "client": Annotated[
        _Texts, typer.Option("--client", help="Address or name of the client it came from.")
    ],
    "sasl_user": Annotated[_Texts, typer.Option("--sasl-user", help="Login it was sent with.")],
    "older_than": Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Arrived so long ago: 30m, 2h, 3d."),
    ],
    "where": Annotated[
        _Texts,
        typer.Option("--where", metavar="SQL", help="A condition over v1_queue and v1_recipients."),
    ],
}
_IDS = Annotated[
    list[str] | None, typer.Argument(metavar="[ID...|-|ALL]", help="Queue ids; -: on stdin.")
]
_ALL = Annotated[bool, typer.Option("--all", help="Every message, as ALL.")]


def with_selection(command: Callable[..., None]) -> Callable[..., None]:
    """Return *command* with ids and filters as options, which it gets as a Choice."""

    def run(**values: Any) -> None:
        filters = Filters(**{name: values.pop(name) for name in Filters._fields})
        words, everything = values.pop("ids"), values.pop("everything")
        command(choice=Choice.of(words, filters, everything=everything), **values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [
        parameter.replace(kind=keyword)
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
        if name != "choice"
    ]
    selection = [
        inspect.Parameter("ids", keyword, default=None, annotation=_IDS),
        inspect.Parameter("everything", keyword, default=False, annotation=_ALL),
        *(
            inspect.Parameter(name, keyword, default=None, annotation=option)
            for name, option in _OPTIONS.items()
        ),
    ]
    run.__signature__ = inspect.Signature([*own, *selection])  # type: ignore[attr-defined]
    run.__doc__ = command.__doc__
    return run
