"""The selector as options of a command line: the same ones on every verb.

Must not: import what is heavy; the command line is built from it
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from spoolmta.cli.messages.choice import Choice, Filters

_Texts = list[str] | None
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
OPTIONS: dict[str, Any] = {
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
        filters = take_filters(values)
        words, everything = values.pop("ids"), values.pop("everything")
        command(choice=Choice.of(words, filters, everything=everything), **values)

    ways = [
        inspect.Parameter("ids", _KEYWORD, default=None, annotation=_IDS),
        inspect.Parameter("everything", _KEYWORD, default=False, annotation=_ALL),
    ]
    return as_command(run, command, "choice", [*ways, *options(OPTIONS)])


def take_filters(values: dict[str, Any]) -> Filters:
    """Take the filters out of the values of a command's options."""
    return Filters(**{name: values.pop(name) for name in Filters._fields})


def options(annotations: Mapping[str, Any]) -> list[inspect.Parameter]:
    """Return options that need not be given, by name."""
    return [
        inspect.Parameter(name, _KEYWORD, default=None, annotation=option)
        for name, option in annotations.items()
    ]


def as_command(
    run: Callable[..., None],
    command: Callable[..., None],
    made: str,
    instead: Iterable[inspect.Parameter],
) -> Callable[..., None]:
    """Return *run* as a command with the options of *command*, with others for what is *made*."""
    own = [
        parameter.replace(kind=_KEYWORD)
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
        if name != made
    ]
    run.__signature__ = inspect.Signature([*own, *instead])  # type: ignore[attr-defined]
    run.__doc__ = command.__doc__
    return run
