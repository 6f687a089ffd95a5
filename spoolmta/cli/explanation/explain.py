"""spoolmta explain: what would happen to mail for an address, and which setting says so."""

from typing import Annotated

import typer


def explain(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="For whom the mail is.")],
    sender: Annotated[
        str | None, typer.Option("--from", metavar="SENDER", help="<> is null [who asks].")
    ] = None,
    client: Annotated[
        str, typer.Option(metavar="IP", help="The mail comes over SMTP from there.")
    ] = "",
    sasl: Annotated[
        str, typer.Option(metavar="USER", help="The client has authenticated as that user.")
    ] = "",
    helo: Annotated[str, typer.Option(metavar="NAME", help="The client's HELO name.")] = "",
    service: Annotated[
        str | None, typer.Option(metavar="NAME", help="SMTP server in master.cf [the first].")
    ] = None,
    no_dns: Annotated[bool, typer.Option("--no-dns", help="Do not ask the name service.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what would happen to mail for ADDRESS: nothing is sent, nothing is written.

    Exit status: 0 it would be delivered (or held, or dropped as a setting says), 1 it would be
    refused or returned, 75 it would have to wait: a table or the name service does not answer,
    or a standing rule suspends it.
    """
    from spoolmta.cli.explanation import report

    question = report.question(
        address,
        sender=sender,
        client=client,
        sasl=sasl,
        helo=helo,
        service=service,
        dns=not no_dns,
    )
    raise typer.Exit(report.show(context.obj, question, as_json=as_json))
