"""What docs/metrics.md says is all that there is, and its plugin works as it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT, Called
from workbench.metrics.ranking import FAMILIES

METRICS = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")


def test_every_metric_has_its_formula() -> None:
    assert set(re.findall(r"^\| `(\w+)@k` \|", METRICS, flags=re.MULTILINE)) == set(FAMILIES)


def test_the_plugins_metric_is_computed_and_can_be_searched(
    workbench: Callable[..., Called], ratings: Path, tmp_path: Path
) -> None:
    entry, function = re.findall(r"```python\n(.*?)```", METRICS, flags=re.DOTALL)
    site = tmp_path / "site"
    (site / "acme_metrics").mkdir(parents=True)
    (site / "acme_metrics/__init__.py").write_text(entry)
    (site / "acme_metrics/metrics.py").write_text(function)
    metadata = site / "acme_metrics-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-metrics\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[workbench]\nacme = acme_metrics\n")
    arguments = ("run", "--task", "recommend", "--data", "ratings.csv", "--models", "als", "--trials", "2")
    called = workbench(
        *arguments, "--workers", "1", "--metric", "unpopular@10", "--json", env={"PYTHONPATH": str(site)}
    )
    assert called.code == 0, called.err
    assert 0 < called.json["best"]["valid"]["unpopular@10"] <= 1
    assert [row["note"] for row in called.json["leaderboard"]] == ["", ""]
