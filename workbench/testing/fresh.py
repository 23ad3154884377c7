"""Questions to a fresh interpreter: `python -m workbench.testing.fresh`, one JSON document in, one out.

Some promises can be seen only where nothing has been imported yet.
"""

from __future__ import annotations

import importlib.abc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.testing.promises import Broken, Untold

HEAVY = {
    *("numpy", "scipy", "pandas", "polars", "pyarrow", "sklearn", "matplotlib", "PIL", "cv2", "numba", "dask", "ray"),
    *(
        "torch",
        "torchvision",
        "tensorflow",
        "keras",
        "jax",
        "flax",
        "transformers",
        "datasets",
        "sentence_transformers",
    ),
    *("lightgbm", "xgboost", "catboost", "implicit", "lightfm", "surprise", "gensim", "spacy", "nltk"),
    *("optuna", "sqlalchemy", "alembic", "psycopg", "requests", "aiohttp", "httpx", "mlflow", "rich", "skops"),
}
"""What takes long to import."""

MANY = 100
"""A library of which more modules than this are loaded is heavy, whatever it is called."""

SECONDS = 40.0


def asked_of_fresh(question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a fresh interpreter.

    Raises:
        Broken: it ends without one, or takes too long.
    """
    command = [sys.executable, "-m", "workbench.testing.fresh", json.dumps(question)]
    with tempfile.TemporaryDirectory() as name:
        answer = Path(name) / "answer.json"
        try:
            done = subprocess.run([*command, str(answer)], capture_output=True, timeout=SECONDS, cwd=name)
        except subprocess.TimeoutExpired as error:
            raise Broken(f"a fresh process had not ended after {SECONDS:.0f} s") from error
        if not answer.exists():
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise Broken(f"a fresh process ended with exit code {done.returncode}: {words[-1] if words else 'no word'}")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


class Importers(importlib.abc.MetaPathFinder):
    """Notes where each top-level name is first imported from; finds nothing itself."""

    def __init__(self) -> None:
        self.where: dict[str, str] = {}

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> None:
        top = fullname.partition(".")[0]
        if top not in self.where:
            self.where[top] = _importer()


def imports(question: Mapping[str, Any]) -> dict[str, Any]:
    """What heavy things importing an entry module brings, and who imports them."""
    from workbench.installed import plugins

    entry = plugins()[question["distribution"], question["plugin"]].entry
    before = set(sys.modules)
    finder = Importers()
    sys.meta_path.insert(0, finder)
    entry.load()
    counts: dict[str, int] = {}
    for name in set(sys.modules) - before:
        top = name.partition(".")[0]
        counts[top] = counts.get(top, 0) + 1
    own = entry.module.partition(".")[0]
    names = [name for name, count in counts.items() if name in HEAVY or (count > MANY and name != own)]
    return {"heavy": {name: finder.where.get(name, own) for name in sorted(names)}}


def without(question: Mapping[str, Any]) -> dict[str, Any]:
    """What happens to a plugin, and to one thing it offers, where some libraries are not installed."""
    from workbench.errors import PluginError
    from workbench.testing.worker import Bench

    for name in question["hide"]:
        sys.modules[name] = None  # type: ignore[assignment] # as if it were not there, for `find_spec` too

    bench = Bench(question["distribution"], question["plugin"], Path(question["folder"]), question["options"])
    plugin = bench.plugin.plugin
    if plugin.state != "loaded":
        return {"plugin": plugin.reason}
    subject = bench.subject(question["kind"], question["target"])
    try:
        subject.exercise()
    except Untold:
        return {"plugin": ""}  # it is listed with what is missing, and never loaded
    except (ImportError, PluginError) as error:
        return {"plugin": "", "lacks": f"{type(error).__name__}: {error}"}
    except Exception as error:  # noqa: BLE001 - it is the answer
        return {"plugin": "", "raises": f"{type(error).__name__}: {error}"}
    return {"plugin": ""}


def _importer() -> str:
    """The file and line that import something now; of importlib's own frames none."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    place = Path(frame.f_code.co_filename)
    return f"{place.parent.name}/{place.name}, line {frame.f_lineno}"


def main() -> None:
    """Answer the question of the command line; what a plugin prints goes to standard error."""
    question, place = json.loads(sys.argv[1]), Path(sys.argv[2])
    os.dup2(2, 1)
    ways: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"imports": imports, "without": without}
    place.write_text(json.dumps(ways[question["ask"]](question)), encoding="utf-8")


if __name__ == "__main__":
    main()
