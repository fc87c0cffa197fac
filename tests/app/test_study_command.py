"""A reader study from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.app.study_command import analysed, has_places, read_tables
from engine.core.errors import InputRefused
from scenarios.score.merit import Merit
from tests.app.test_cli import exit_code

CASES = "case,truth,lesions,weights\n" + "".join(
    f"{n},{'normal,0,' if n < 6 else 'abnormal,2,0.5 0.5' if n < 9 else 'abnormal,1,'}\n" for n in range(12)
)
HEAD = "modality,reader,case,mark,index,rating\n"
#: Two modalities, two readers: the second modality finds more and marks less that is not there.
RATINGS = HEAD + "".join(
    f"{modality},{reader},{case},{'NL' if case < 6 else 'LL'},1,{rating}\n"
    for modality, reader, ratings in (
        ("A", "x", (3, 2, 1, 4, 2, 1, 4, 3, 2, 5, 1, 3)),
        ("A", "y", (2, 3, 2, 3, 1, 2, 3, 4, 1, 4, 2, 5)),
        ("B", "x", (1, 2, 1, 2, 1, 1, 5, 4, 3, 5, 4, 5)),
        ("B", "y", (2, 1, 1, 1, 2, 1, 5, 5, 3, 4, 5, 5)),
    )
    for case, rating in enumerate(ratings)
)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    ratings, cases = tmp_path / "ratings.csv", tmp_path / "cases.csv"
    ratings.write_text(RATINGS)
    cases.write_text(CASES)
    return ratings, cases


def test_a_study_with_places_is_judged_by_its_lesions_and_one_without_by_its_cases(tables: tuple[Path, Path]) -> None:
    study = read_tables(*tables)
    assert has_places(study)
    assert analysed(study)["merit"] == "wAFROC"
    cases = tables[1]
    cases.write_text(CASES.replace("abnormal,2,0.5 0.5", "abnormal,1,"))
    alone = read_tables(*tables)
    assert not has_places(alone)
    assert analysed(alone)["merit"] == "ROC AUC"
    assert analysed(alone, Merit.WAFROC)["merit"] == "wAFROC"


def test_the_command_prints_every_digit_as_json_and_a_table_for_people(
    tables: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    ratings, cases = map(str, tables)
    assert exit_code("study", "analyse", ratings, "--cases", cases, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["means"][1] > report["means"][0]
    assert {one["of"] for one in report["findings"]} == {
        "readers and cases", "cases, for these readers", "readers, for these cases",
    }  # fmt: skip
    assert report["beside"][0]["lesions found"] == pytest.approx(6 / 9)
    assert exit_code("study", "analyse", ratings, "--cases", cases, "--figure", "auc", "--errors", "delong") == 0
    told = capsys.readouterr().out
    assert "ROC AUC, errors by DeLong" in told
    assert "A − B" in told


def test_tables_that_are_no_study_are_refused_with_every_flaw(
    tables: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    ratings, cases = tables
    ratings.write_text(HEAD + "A,x,99,NL,1,2\nA,x,1,NL,1,high\n")
    assert exit_code("study", "analyse", str(ratings), "--cases", str(cases)) == 3
    told = capsys.readouterr().err
    assert "line 2" in told
    assert "line 3" in told
    ratings.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputRefused, match="not text"):
        read_tables(ratings, cases)
    ratings.write_text(HEAD + "A,x,6,LL,1,2\n")
    cases.write_text("case,truth,lesions\n6,abnormal,1\n")
    with pytest.raises(InputRefused, match="both kinds"):
        analysed(read_tables(ratings, cases))
