"""The exhibits of the museum: plugins that break one rule each, and what is said of them.

A row is `(entry point, what plugins says, what becomes of its models in a run, which check says what)`. The modules lie
in `museum/`, one for each distribution; `install` writes the metadata that makes them distributions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
MUSEUM = HERE / "museum"
TENSORFLOW = HERE / "tensorflow"
"""Holds a heavy library twice: `shown`, as if it were installed, and `hidden`, as if it were not."""

READ_ONLY = "failed", "ValueError: assignment destination is read-only"


@dataclass(frozen=True)
class Exhibit:
    """A plugin and its fault.

    Args:
        name: of the entry point; the distribution is `museum-<name>`, the module `museum_<name>`.
        state: in `workbench plugins`.
        reason: words of its reason there.
        trials: model, as the user calls it -> (end state, words of the reason) of its trials in a run.
        check: `target:check` of the check of the conformance kit that catches it; empty if it has no fault.
        says: words of what that check says.
        requires: what its metadata requires.
    """

    name: str
    state: str = "loaded"
    reason: str = ""
    trials: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    check: str = ""
    says: str = ""
    requires: str = "automl-workbench"

    @property
    def distribution(self) -> str:
        return f"museum-{self.name}"


def of_model(model: str, state: str, reason: str, check: str, says: str, name: str = "") -> Exhibit:
    """An exhibit that loads, and whose one model has a fault."""
    return Exhibit(name or model, trials={model: (state, reason)}, check=f"{model}:{check}" if check else "", says=says)


EXHIBITS = (
    # plugins that do not load
    Exhibit("another-version", "incompatible", "requires automl-workbench >=99, this is",
            check="another-version:admits_this_version", says="requires automl-workbench >=99",
            requires="automl-workbench>=99"),
    Exhibit("fails-at-import", "failed", "RuntimeError: this plugin was never finished",
            check="fails-at-import:its_entry_can_be_imported", says="this plugin was never finished"),
    Exhibit("imports-heavy", "failed", "ModuleNotFoundError: No module named 'tensorflow'",
            check="imports-heavy:its_entry_imports_nothing_heavy", says="tensorflow is imported by"),
    Exhibit("misspelled-hook", "failed", "'workbench_modles', which is no hook; did you mean 'workbench_models'?",
            check="misspelled-hook:every_hook_is_known", says="workbench_modles"),
    Exhibit("unusable-name", "failed", "'my model, the best', which is no name",
            check="unusable-name:it_announces_what_can_be_used", says="'my model, the best', which is no name"),
    Exhibit("wrong-field-of-spec", "failed", "requires is None",
            check="wrong-field-of-spec:it_announces_what_can_be_used", says="requires is None"),
    Exhibit("wrong-signature", "failed", "workbench_models(registry) Argument(s) {'registry'}",
            check="wrong-signature:it_announces_what_can_be_used", says="workbench_models(registry)"),
    Exhibit("wrong-type-of-spec", "failed", "announces 'my-model', which is no ModelSpec",
            check="wrong-type-of-spec:it_announces_what_can_be_used", says="'my-model', which is no ModelSpec"),
    # plugins that load, and offer what cannot be used, or is another's
    Exhibit("broken-task", check="nowhere:it_is_a_task", says="this plugin was never finished"),
    Exhibit("taken-name", trials={"museum-taken-name:als": ("complete", "")},
            check="taken-name:its_names_are_free", says="model 'als' is offered by automl-workbench too"),
    Exhibit("twin-a", trials={"museum-twin-a:twin": ("complete", "")},
            check="twin-a:its_names_are_free", says="model 'twin' is offered by museum-twin-b too"),
    Exhibit("twin-b", trials={"museum-twin-b:twin": ("complete", "")},
            check="twin-b:its_names_are_free", says="model 'twin' is offered by museum-twin-a too"),
    # models that break their promises
    of_model("answers-nan", "invalid", "AnswersNan gives scores that are NaN",
             "it_can_be_fitted_and_scored", "gives scores that are NaN", name="nan"),
    of_model("ignores-deadline", "complete", "", "it_stops_at_the_deadline", "deadline"),
    of_model("leaves-process", "complete", "", "it_leaves_no_process_behind", "sleep"),
    Exhibit("mutates-derived", trials={"mutates-indices": READ_ONLY, "mutates-popularity": READ_ONLY},
            check="mutates-popularity:it_can_be_fitted_and_scored", says="read-only"),
    of_model("mutates-rows", *READ_ONLY, "it_leaves_the_training_data_untouched", "train.items"),
    of_model("pickles", "invalid", "cannot be stored without pickle",
             "it_is_saved_without_pickle", "cannot be stored without pickle"),
    of_model("random", "complete", "", "the_same_seed_gives_the_same_score", "fitted twice with one seed"),
    of_model("writes-outside", "complete", "", "it_writes_nothing_outside_its_folder", "museum-was-here"),
    of_model("wrong-scores", "invalid", "gives scores of shape str",
             "it_can_be_fitted_and_scored", "gives scores of shape str"),
    # and one that keeps them
    of_model("good", "complete", "", "", ""),
)  # fmt: skip


def install(folder: Path, *names: str) -> None:
    """Write the metadata of these exhibits into a folder, which then goes onto the path beside `MUSEUM`."""
    for exhibit in EXHIBITS:
        if exhibit.name in names:
            module = exhibit.distribution.replace("-", "_")
            info = folder / f"{module}-1.0.dist-info"
            info.mkdir(parents=True)
            metadata = f"Name: {exhibit.distribution}\nVersion: 1.0\nRequires-Dist: {exhibit.requires}\n"
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}", encoding="utf-8")
            (info / "entry_points.txt").write_text(f"[workbench]\n{exhibit.name} = {module}\n", encoding="utf-8")
