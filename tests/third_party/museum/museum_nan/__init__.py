"""Answers NaN."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("answers-nan", "recommend", "museum_nan.model:AnswersNan", "answers NaN")]
