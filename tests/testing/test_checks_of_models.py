"""Each promise of models: a model that breaks it is caught and told why, and a good one passes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testing.conftest import found
from workbench.testing import checks_of_models
from workbench.testing.generator import CHECKS
from workbench.testing.subjects import ModelSubject

Make = Callable[..., ModelSubject]

CASES = [
    ("it_is_a_model", "NoModel", "tests.testing.broken:NoModel is <class"),
    ("it_is_a_model", "NoDefault", "it raises NoDefault.depth has no default"),
    ("it_is_a_model", "Gone", "tests.testing.broken:Gone cannot be loaded"),
    ("its_hyperparameters_are_json", "OddDefault", "noise is np.float32(0.5), a float32"),
    ("its_space_names_hyperparameters", "Misspelt", "space names 'nosie'; the hyperparameters are noise, kind, depth"),
    ("its_space_names_hyperparameters", "MisspeltStart", "starts names 'nosie'"),
    ("its_space_names_hyperparameters", "MisspeltCondition", "a condition names 'knid'"),
    ("its_defaults_lie_in_the_space", "OutsideByDefault", "noise is 2.0 by default, the space has Float(low=0.0"),
    ("its_defaults_lie_in_the_space", "OutsideInAStart", "depth is 9 in a start, the space has Int(low=1"),
    (
        "both_ends_of_every_distribution_can_be_built",
        "EndsBadly",
        "with {'kind': 'deep', 'depth': 4} it raises ValueError: too deep",
    ),
    ("it_leaves_the_training_data_untouched", "Mutates", "after the fit, train.values[3] is 0 against "),
    ("it_can_be_fitted_and_scored", "Mutates", "it raises ValueError: assignment destination is read-only"),
    ("it_can_be_fitted_and_scored", "Raises", "it raises RuntimeError: out of order (testing/broken.py, line "),
    ("it_can_be_fitted_and_scored", "Exits", "it raises SystemExit: 0"),
    ("it_can_be_fitted_and_scored", "AnswersNaN", "it raises AnswersNaN gives scores that are NaN"),
    ("it_can_be_fitted_and_scored", "AnswersTooFew", "gives scores of shape (40, 3); (40, 30) is needed"),
    ("the_same_seed_gives_the_same_score", "Unseeded", "fitted twice with one seed, metrics."),
    ("a_refit_needs_no_valid_part", "NeedsValid", "it raises TypeError: object of type 'NoneType' has no len()"),
    ("a_second_fit_equals_the_first", "AddsUp", "fitted on other data before, "),
    ("it_lets_pruned_pass", "Deaf", "told to stop at its report of step 0, it went on, with 2 more"),
    ("it_is_saved_without_pickle", "KeepsAnObject", "KeepsAnObject.lock_ is a builtins.object, which cannot be stored"),
    ("it_is_saved_without_pickle", "Pickles", "state.bin is a pickle"),
    ("it_is_saved_without_pickle", "KeepsObjects", "state.npz:state.npy is a pickle"),
    (
        "odd_queries_are_answered",
        "NeedsCompany",
        "an unknown user, it raises IndexError: one row is not enough",
    ),
    ("odd_queries_are_answered", "ShortOfBreath", "asked for a known and an unknown user, it answers 8 rows instead"),
    ("it_writes_nothing_outside_its_folder", "Litters", "home/notes.txt"),
    ("it_leaves_no_process_behind", "LeavesAProcess", "time.sleep(600)"),
    ("its_estimate_is_roughly_right", "Boasts", "it says 3,600.0 CPU s for {'users': 40, 'items': 30"),
    ("its_estimate_is_roughly_right", "BoastsOfMemory", "it says 953,674.3 MiB"),
    ("its_estimate_is_roughly_right", "Mumbles", "estimate gives (nan, 0.0)"),
]


@pytest.mark.parametrize(("check", "name", "seen"), CASES, ids=[f"{check}-{name}" for check, name, _ in CASES])
def test_a_broken_promise_is_caught_and_the_cause_named(model: Make, check: str, name: str, seen: str) -> None:
    state, told = found(model(name), "model", check)
    assert (state, seen in told) == ("failed", True), told


def test_a_good_model_keeps_every_promise(model: Make) -> None:
    subject = model("Good")
    outcomes = {check.name: found(subject, "model", check.name) for check in CHECKS["model"]}
    assert outcomes.pop("its_requirements_are_declared") == ("skipped", "it is no plugin's")
    assert outcomes == dict.fromkeys(outcomes, ("passed", ""))


def test_every_check_has_a_broken_model_here_or_is_tested_below() -> None:
    below = {"it_stops_at_the_deadline", "a_restored_model_answers_alike", "its_requirements_are_declared"}
    assert {check.name for check in CHECKS["model"]} == {check for check, _, _ in CASES} | below


def test_a_fit_that_ends_late_is_caught(model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_of_models, "DEADLINE", 0.01)
    monkeypatch.setattr(checks_of_models, "GRACE", 0.05)
    state, told = found(model("Oversleeps"), "model", "it_stops_at_the_deadline")
    assert state == "failed"
    assert told.startswith("with 0.01 s to go it ended 0.") and told.endswith(" s after its deadline")


def test_what_save_and_restore_forget_is_caught(model: Make) -> None:
    state, told = found(model("Forgets"), "model", "a_restored_model_answers_alike")
    assert state == "failed"
    assert " is " in told and " against " in told


def test_what_save_writes_beside_its_folder_is_caught(model: Make, tmp_path: Path) -> None:
    subject = model("LittersElsewhere")
    assert found(subject, "model", "it_is_saved_without_pickle")[0] == "passed"
    assert found(subject, "model", "it_writes_nothing_outside_its_folder") == (
        "failed",
        f"it left {tmp_path}/kept/models/litterselsewhere/beside.txt",
    )


def test_what_a_library_writes_on_import_is_not_the_models(
    model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "from pathlib import Path\nPath('cache').mkdir(exist_ok=True)\nPath('cache/fonts').touch()\n"
    (tmp_path / "kept" / "keeps_a_cache.py").write_text(library, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "kept")
    monkeypatch.delitem(sys.modules, "keeps_a_cache", raising=False)
    told = found(model("ImportsWhatWrites"), "model", "it_writes_nothing_outside_its_folder")
    assert (tmp_path / "home" / "cache" / "fonts").exists()
    assert told == ("passed", "")


def test_what_the_models_own_module_writes_on_import_is_the_models(
    model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept" / "keeps_a_cache.py").write_text("open('own.txt', 'w').close()\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "kept")
    monkeypatch.delitem(sys.modules, "keeps_a_cache", raising=False)
    monkeypatch.setattr(ModelSubject, "package", "keeps_a_cache")
    told = found(model("ImportsWhatWrites"), "model", "it_writes_nothing_outside_its_folder")
    assert told == ("failed", f"it left {tmp_path}/home/own.txt")


def test_a_model_that_the_example_does_not_suit_is_skipped(model: Make) -> None:
    told = "the example of task recommend has no item_features, which this model needs"
    assert found(model("WantsMore"), "model", "it_stops_at_the_deadline") == ("skipped", told)


def test_a_model_is_not_blamed_for_its_task(model: Make) -> None:
    state, told = found(model("Good", of="OddParts"), "model", "it_stops_at_the_deadline")
    assert state == "skipped"
    assert told.startswith("the example of task recommend cannot be used: ")


def test_without_probes_nothing_is_said_of_queries(model: Make) -> None:
    state, told = found(model("Good", of="NoProbes"), "model", "odd_queries_are_answered")
    assert (state, told) == ("skipped", "task recommend has no probes, so there is nothing to ask")
