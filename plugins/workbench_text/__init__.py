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
        "majority": ("workbench.blocks.estimators:Majority", "the shares of the classes; the baseline"),
        "complement-nb": ("workbench_text.linear:ComplementNB", "complement naive Bayes on TF-IDF"),
        "linear-svm": ("workbench_text.linear:LinearSVM", "linear support vector machine on TF-IDF"),
        "logistic": ("workbench_text.linear:Logistic", "logistic regression on TF-IDF"),
        "nb-logistic": ("workbench_text.linear:NBLogistic", "logistic regression on n-grams weighted by naive Bayes"),
        "lightgbm": ("workbench_text.trees:LightGBM", "gradient-boosted trees on the singular vectors of TF-IDF"),
    }
    classical = [ModelSpec(name, TASK, load, summary) for name, (load, summary) in models.items()]
    neural = [ModelSpec(name, TASK, load, summary, requires=("torch",)) for name, (load, summary) in NEURAL.items()]
    return [*classical, *neural]
