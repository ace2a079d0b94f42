"""What is known about a file, from a row."""

from resumepair_graphql.proofs import LISTED_MAX, judgement_of


def test_no_more_warnings_are_listed_than_are_charged() -> None:
    warnings = [{"path": f"settings.sectionOrder[{n}]", "message": "there is no such section"} for n in range(250)]
    listed = judgement_of({"proof": None, "fit": None, "warnings": warnings})["warnings"]
    assert [warning.path for warning in listed] == [warning["path"] for warning in warnings[:LISTED_MAX]]
