"""`workbench plugins` with 30 plugins installed, against those that come with Workbench alone.

    python benchmarks/plugins_listing.py [--plugins 30] [--repetitions 20]

Each plugin is a distribution of its own, written into a temporary folder that is put on the path: an entry module that
announces one model, and a metadata file that requires Workbench. Both sides start a process for each call, by turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENTRY = '''"""A plugin of the benchmark."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("{name}", "recommend", "{module}.model:Model", "number {number} of many")]
'''


def install(folder: Path, number: int) -> None:
    """Make one distribution with one plugin."""
    name, module = f"bench-{number}", f"bench_{number}"
    (folder / module).mkdir()
    (folder / module / "__init__.py").write_text(ENTRY.format(name=name, module=module, number=number))
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    requires = "Requires-Dist: automl-workbench>=0.1\nRequires-Dist: numpy>=2\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
    (info / "entry_points.txt").write_text(f"[workbench]\n{name} = {module}\n")


def listing(path: str) -> tuple[int, float, float]:
    """One call: (how many plugins it lists as loaded, its seconds, its CPU seconds), start of the process included."""
    command = [sys.executable, "-m", "workbench", "plugins", "--json"]
    before, began = _cpu(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": path})
    seconds, cpu = time.perf_counter() - began, _cpu() - before
    return sum(plugin["state"] == "loaded" for plugin in json.loads(done.stdout)["plugins"]), seconds, cpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugins", type=int, default=30)
    parser.add_argument("--repetitions", type=int, default=20)
    arguments = parser.parse_args()
    before = os.environ.get("PYTHONPATH", "")
    with tempfile.TemporaryDirectory() as name:
        for number in range(arguments.plugins):
            install(Path(name), number)
        many = os.pathsep.join(filter(None, [before, name]))
        pairs = []
        for turn in range(arguments.repetitions + 1):
            (alone, *ours), (together, *theirs) = listing(before), listing(many)
            assert together == alone + arguments.plugins
            if turn:  # the first wrote the byte code
                pairs.append((ours, theirs))
    print("| clock | first-party alone | with all | ratio: median (min to max) |\n|---|---|---|---|")
    for column, clock in enumerate(("wall", "CPU")):
        sides = [(ours[column], theirs[column]) for ours, theirs in pairs]
        ratios = [theirs / ours for ours, theirs in sides]
        alone, together = (1000 * statistics.median(side) for side in zip(*sides, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {clock} | {alone:.0f} ms | {together:.0f} ms | {spread} |")


def _cpu() -> float:
    """Seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
