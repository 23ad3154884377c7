"""Gives text where scores are needed."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("wrong-scores", "recommend", "museum_wrong_scores.model:WrongScores", "answers in words")]
