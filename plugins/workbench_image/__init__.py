"""The task `image-classification`, and models for it."""

from workbench import ModelSpec, TaskSpec, hookimpl

TASK = "image-classification"

MODELS = {
    "majority": ("models:Majority", "the shares of the classes; the baseline"),
    "knn": ("models:Neighbours", "nearest neighbours by principal components of pixels or gradients"),
    "svm": ("models:Support", "linear or radial support vector machines on principal components"),
    "hog": ("models:Gradients", "logistic regression on histograms of gradients and colours"),
    "lightgbm": ("models:LightGBM", "gradient-boosted trees on principal components"),
}

NETWORKS = {
    "cnn": ("neural:Convolutional", "a small convolutional network, from scratch"),
    "resnet": ("neural:Residual", "a small residual network, from scratch"),
    "pretrained": ("pretrained:Pretrained", "logistic regression on what a pretrained EfficientNet-Lite0 sees"),
    "vit": ("neural:VisionTransformer", "a small vision transformer, from scratch"),
}


@hookimpl
def workbench_tasks() -> list[TaskSpec]:
    return [TaskSpec(TASK, "workbench_image.task:ImageClassification", "what an image shows, by class")]


@hookimpl
def workbench_models() -> list[ModelSpec]:
    def offers(models: dict[str, tuple[str, str]], *requires: str) -> list[ModelSpec]:
        return [
            ModelSpec(name, TASK, f"workbench_image.{load}", summary, requires)
            for name, (load, summary) in models.items()
        ]

    return [*offers(MODELS), *offers(NETWORKS, "torch")]
