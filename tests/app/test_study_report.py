"""Figures and tables of a reader study, and tables of others that become one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from engine.app import study_report
from engine.app.study_command import analysed, read_any
from engine.app.study_convert import Columns, convert_table
from engine.core.errors import EnvironmentLacks, InputRefused
from scenarios.score.curves import Curve
from scenarios.score.merit import Merit
from tests.app.test_cli import exit_code
from tests.app.test_study_command import CASES, RATINGS

COLUMNS = Columns("readerID", "caseID", "modalityID", "score", "cancerStatus365")


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    ratings, cases = tmp_path / "ratings.csv", tmp_path / "cases.csv"
    ratings.write_text(RATINGS)
    cases.write_text(CASES)
    return ratings, cases


def test_a_report_is_one_page_with_its_figures_and_all_digits(tables: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert exit_code("study", "analyse", str(tables[0]), "--cases", str(tables[1]), "--out", str(out)) == 0
    for name in (*(one.value.lower() for one in Curve), "readers"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text()
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 4
    fetched = re.findall(r"(?:src|href)=.(https?:[^\"]+)", page)
    assert not fetched
    assert json.loads((out / "report.json").read_text())["merit"] == "wAFROC"


def test_figures_without_their_library_say_what_to_install(
    tables: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(study_report, "import_module", missing)
    study = read_any(*tables, None)
    with pytest.raises(EnvironmentLacks, match=r"sightline\[study\]"):
        study_report.write_report(study, analysed(study), tmp_path / "out")


def test_a_table_of_one_rating_a_reading_becomes_a_study(tmp_path: Path) -> None:
    table = tmp_path / "reads.csv"
    rows = [("readerID", "caseID", "modalityID", "score", "cancerStatus365", "part")]
    rng = np.random.default_rng(1)
    for reader in range(4):
        for case in range(20):
            if (reader + case) % 3:
                score = f"{rng.normal(case % 2):.3f}"
                rows.append((f"r{reader}", f"c{case}", "A", score, str(case % 2), "x" if reader < 3 else "y"))
    table.write_text("\n".join(",".join(row) for row in rows))
    assert convert_table(table, COLUMNS, ("part=x",), tmp_path) == sum(row[5] == "x" for row in rows[1:])
    names = [tmp_path / f"{name}.csv" for name in ("ratings", "cases", "reads")]
    study = read_any(*names)
    assert not study.is_crossed
    report = analysed(study, Merit.AUC)
    assert len(report["merits"][0]) == 3
    assert report["intervals"][0]["low"] < report["means"][0] < report["intervals"][0]["high"]
    with pytest.raises(InputRefused, match="no column"):
        convert_table(table, Columns("who", "caseID", "modalityID", "score", "cancerStatus365"), (), tmp_path)
    names[2].write_text("modality,reader,case\nA,r0,c1\n")
    with pytest.raises(InputRefused, match="was marked and is not there"):
        read_any(*names)


@pytest.mark.slow
def test_viper_is_analysed_whole(shared_data: Path, tmp_path: Path) -> None:
    """20 readers of the screening arm of low prevalence: each reader's area as counted directly from the table."""
    table = shared_data / "training" / "viper" / "viperObs.csv.gz"
    if not table.exists():
        pytest.skip("VIPER is not there")
    assert convert_table(table, COLUMNS, ("subStudyLabel=screeningLowP",), tmp_path) == 6911
    report = analysed(read_any(*(tmp_path / f"{name}.csv" for name in ("ratings", "cases", "reads"))), Merit.AUC)
    assert report["cases"] == {"normal": 364, "abnormal": 55}
    rows = (tmp_path / "ratings.csv").read_text().splitlines()[1:]
    mine = [row.split(",") for row in rows if row.startswith("FFDM,reader01,")]
    normal, cancer = ([float(row[5]) for row in mine if row[3] == kind] for kind in ("NL", "LL"))
    area = np.mean([(b > a) + 0.5 * (b == a) for a in normal for b in cancer])
    at = report["readers"].index("reader01")
    assert report["merits"][report["modalities"].index("FFDM")][at] == pytest.approx(area, abs=1e-12)
