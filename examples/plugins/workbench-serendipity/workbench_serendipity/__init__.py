"""A metric for task `recommend`: hits that nobody needed a recommender for do not count."""

from workbench import MetricSpec, hookimpl


@hookimpl
def workbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            "serendipity@10",
            task="recommend",
            load="workbench_serendipity.metrics:serendipity",
            summary="hits in the top 10 that the user's 10 most popular new items do not hold, over 10",
        )
    ]
