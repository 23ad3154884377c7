"""First-party plugin: the task `recommend` and its models."""

from __future__ import annotations

from workbench import ModelSpec, TaskSpec, hookimpl


@hookimpl
def workbench_tasks() -> list[TaskSpec]:
    return [
        TaskSpec(
            "recommend",
            load="workbench_recommend.task:Recommend",
            summary="the items each user will take next",
        )
    ]


@hookimpl
def workbench_models() -> list[ModelSpec]:
    summaries = {
        "popular:Popular": "what most users took; the baseline",
        "item-knn:ItemKNN": "items like those taken: cosine, TF-IDF or BM25 neighbours",
        "user-knn:UserKNN": "what users like this one took",
        "rp3beta:RP3Beta": "random walks between items and users, popularity discounted",
        "pure-svd:PureSVD": "truncated singular value decomposition",
        "ease:EASE": "linear autoencoder in closed form",
        "slim:SLIM": "sparse linear item weights by elastic net",
        "bpr:BPR": "matrix factorisation that ranks pairs, by stochastic gradient descent",
        "lmf:LMF": "logistic matrix factorisation",
        "als:ALS": "implicit-feedback matrix factorisation by alternating least squares",
    }
    specs = []
    for key, summary in summaries.items():
        name, _, class_name = key.partition(":")
        module = name.replace("-", "_")
        specs.append(ModelSpec(name, "recommend", load=f"workbench_recommend.{module}:{class_name}", summary=summary))
    return specs
