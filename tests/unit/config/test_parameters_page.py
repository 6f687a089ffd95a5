from tools.document_parameters import main


def test_the_page_of_parameters_is_what_the_declarations_say() -> None:
    stale = "docs/parameters.md is out of date: run python -m tools.document_parameters"
    assert main(["--check"]) == 0, stale
