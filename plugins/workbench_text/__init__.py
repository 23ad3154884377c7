"""First-party plugin: the task `text-classification` and its models."""

from __future__ import annotations

from workbench import ModelSpec, TaskSpec, hookimpl
from workbench_text.neural import MODELS as NEURAL

TASK = "text-classification"


@hookimpl
def workbench_tasks() -> list[TaskSpec]:
    return [TaskSpec(TASK, load="workbench_text.task:TextClassification", summary="the class of a text")]


@hookimpl
def workbench_models() -> list[ModelSpec]:
    models = {
        "majority": ("majority:Majority", "the shares of the classes; the baseline"),
        "complement-nb": ("linear:ComplementNB", "complement naive Bayes on TF-IDF"),
        "linear-svm": ("linear:LinearSVM", "linear support vector machine on TF-IDF"),
        "logistic": ("linear:Logistic", "logistic regression on TF-IDF"),
        "nb-logistic": ("linear:NBLogistic", "logistic regression on n-grams weighted by naive Bayes"),
        "lightgbm": ("trees:LightGBM", "gradient-boosted trees on the singular vectors of TF-IDF"),
    }
    classical = [ModelSpec(name, TASK, f"workbench_text.{load}", summary) for name, (load, summary) in models.items()]
    neural = [ModelSpec(name, TASK, load, summary, requires=("torch",)) for name, (load, summary) in NEURAL.items()]
    return [*classical, *neural]
