"""The task `tabular` of examples/plugins: its winner against each of its models tuned alone for as long.

    pip install examples/plugins/workbench-tabular pandas
    python benchmarks/tabular.py [--time 60s | --trials 20] [--seeds 3]

Where the machine has other work, `--trials` gives every search as many trials instead of as much time.

The data is scikit-learn's own: breast cancer, wine and digits by accuracy, diabetes by RMSE. A seed draws the same
test part, a fifth of the rows, for every run of it. Two yardsticks stand beside the winner: the model that does best
alone on validation, which is what a user would take who tried them all by hand for several times as long; and the one
that turns out best on test, which nobody can know.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import workbench

MODELS = ("linear", "forest", "lightgbm")
DATA = {"breast_cancer": "accuracy", "wine": "accuracy", "digits": "accuracy", "diabetes": "rmse"}
SIGN = {"accuracy": 1, "rmse": -1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--time", default="60s")
    bound.add_argument("--trials", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    budget = {"trials": arguments.trials} if arguments.trials else {"time": arguments.time}
    print(f"| data | seed | winner | test | {' | '.join(MODELS)} | best alone by valid |")
    print("|---" * (5 + len(MODELS)) + "|")
    gains: dict[str, list[tuple[float, float]]] = {name: [] for name in DATA}
    for name, metric in DATA.items():
        for seed in range(arguments.seeds):
            best = ranked(name, seed, **budget)[0]
            alone = {model: tuned_alone(name, seed, model, **budget) for model in MODELS}
            chosen = max(MODELS, key=lambda model: SIGN[metric] * alone[model]["valid"])
            figures = " | ".join(f"{alone[model]['test']:.4f}" for model in MODELS)
            print(f"| {name} | {seed} | {best['model']} | {best['test']:.4f} | {figures} | {chosen} |", flush=True)
            tests = [SIGN[metric] * row["test"] for row in alone.values()]
            own = SIGN[metric] * best["test"]
            gains[name].append((own - SIGN[metric] * alone[chosen]["test"], own - max(tests)))
    print("\n| data | gain over the best alone by valid | over the best alone on test |\n|---|---|---|")
    for name, pairs in gains.items():
        print(f"| {name} | {shown([by_valid for by_valid, _ in pairs])} | {shown([on_test for _, on_test in pairs])} |")


def tuned_alone(name: str, seed: int, model: str, **budget: Any) -> dict[str, Any]:
    """The best row of one model; the baseline and ensembles of it stand beside it."""
    return next(row for row in ranked(name, seed, models=model, **budget) if row["model"] == model)


def ranked(name: str, seed: int, **settings: Any) -> list[dict[str, Any]]:
    """The leaderboard of one run, best first."""
    import sklearn.datasets

    table = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'workbench.db'}"
        return workbench.run("tabular", table, db=address, seed=seed, **settings).leaderboard


def shown(gains: list[float]) -> str:
    error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else 0.0
    return f"{statistics.mean(gains):+.4f} ± {error:.4f}"


if __name__ == "__main__":
    main()
