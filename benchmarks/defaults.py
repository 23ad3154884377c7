"""Every model of the plugin by its defaults on protocol A: one call of the command each, its figures on test.

    WORKBENCH_DATA=FOLDER python benchmarks/defaults.py

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository). The
baseline runs beside each model; ends with an error where a model does not beat it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from movielens import run_protocol_a, write_protocol_a

from workbench_recommend import workbench_models


def main() -> None:
    print("| model | ndcg@10 | recall@10 | fit | score |\n|---|---|---|---|---|")
    behind = []
    with tempfile.TemporaryDirectory() as name:
        write_protocol_a(Path(name))
        for spec in workbench_models():
            found = run_protocol_a(
                Path(name), "--models", spec.name, "--trials", "1", "--workers", "1", "--threads", "1"
            )
            best = found["best"]
            if best["model"] != spec.name:
                behind.append(spec.name)
                continue
            (row,) = (row for row in found["leaderboard"] if row["model"] == spec.name)
            figures = f"{best['test']['ndcg@10']:.4f} | {best['test']['recall@10']:.4f}"
            print(
                f"| {spec.name} | {figures} | {row['fit_seconds']:.2f} s | {row['score_seconds']:.2f} s |", flush=True
            )
    if behind:
        raise SystemExit(f"no better than popularity on valid: {', '.join(behind)}")


if __name__ == "__main__":
    main()
