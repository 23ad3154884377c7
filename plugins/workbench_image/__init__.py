"""The task `image-classification`, and models for it."""

from workbench import ModelSpec, TaskSpec, hookimpl

TASK = "image-classification"

MODELS = {
    "majority": ("workbench.blocks.estimators:Majority", "the shares of the classes; the baseline"),
    "knn": ("workbench_image.models:Neighbours", "nearest neighbours by principal components of pixels or gradients"),
    "svm": ("workbench_image.models:Support", "linear or radial support vector machines on principal components"),
    "hog": ("workbench_image.models:Gradients", "logistic regression on histograms of gradients and colours"),
    "lightgbm": ("workbench_image.models:LightGBM", "gradient-boosted trees on principal components"),
}

NETWORKS = {
    "cnn": ("workbench_image.neural:Convolutional", "a small convolutional network, from scratch"),
    "resnet": ("workbench_image.neural:Residual", "a small residual network, from scratch"),
    "pretrained": (
        "workbench_image.pretrained:Pretrained",
        "logistic regression on what a pretrained EfficientNet-Lite0 sees",
    ),
    "pretrained-tuned": (
        "workbench_image.tuned:Tuned",
        "a pretrained EfficientNet-Lite0, trained on but for its lowest blocks",
    ),
    "vit": ("workbench_image.neural:VisionTransformer", "a small vision transformer, from scratch"),
}


@hookimpl
def workbench_tasks() -> list[TaskSpec]:
    return [TaskSpec(TASK, "workbench_image.task:ImageClassification", "what an image shows, by class")]


@hookimpl
def workbench_models() -> list[ModelSpec]:
    def offers(models: dict[str, tuple[str, str]], *requires: str) -> list[ModelSpec]:
        return [ModelSpec(name, TASK, load, summary, requires) for name, (load, summary) in models.items()]

    return [*offers(MODELS), *offers(NETWORKS, "torch")]
