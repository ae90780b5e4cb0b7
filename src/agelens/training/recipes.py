"""Recipes: which head stands on a backbone, and how it is trained."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import keras

from agelens.data.loaders import BATCH_SIZE
from agelens.errors import AgeLensError
from agelens.models.heads import HEADS
from agelens.training.adapt_recipe import Adaptation
from agelens.training.finetune_recipe import FineTuning


@dataclass(frozen=True)
class Recipe:
    """How one network is built on a backbone and trained.

    Attributes:
        name: for the card.
        task: "age" (years, trained on the mean absolute error) or "gender" (probability of female, cross-entropy).
        backbone: name of the backbone it was made for.
        dropout: share of features dropped in training.
        pooling: "flatten" keeps the whole map, "avg-pool" averages it.
        hidden: units of a hidden ReLU layer (He normal), or 0 for none.
        epochs: at most this many.
        patience: epochs without a better monitored figure before training stops; 0 never stops early.
        monitor: "val_loss" or the validation metric of the task.
        learning_rate: of Adam.
        cosine: let the rate fall along a cosine to 0 over all epochs (Loshchilov and Hutter 2017); else it stays.
        batch_size: faces a step.
        trainable: train the backbone too, from the images themselves; otherwise it is frozen.
        centred: start an age network at the median age and let it learn hundredths of years around it.
        standardize_features: bring the features of a frozen backbone to one scale before the head
            (`agelens.models.standardization`), and start an age network at the median age. The notebook does neither.
    """

    name: str
    task: str
    backbone: str
    dropout: float = 0.2
    pooling: str = "flatten"
    hidden: int = 0
    epochs: int = 5
    patience: int = 0
    monitor: str = "val_loss"
    learning_rate: float = 1e-3
    cosine: bool = False
    batch_size: int = BATCH_SIZE
    trainable: bool = False
    centred: bool = False
    standardize_features: bool = True

    def replace(self, **changes: Any) -> "Recipe":
        """The recipe with some settings replaced; settings given as None stay."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})

    def exact(self) -> "Recipe":
        """The recipe with the notebook's own arithmetic."""
        return replace(self, name=f"{self.name}-exact", standardize_features=False)

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def metric(self) -> str:
        return METRICS[self.task]

    @property
    def loss(self) -> str:
        return LOSSES[self.task]


METRICS = {"age": "mae", "gender": "accuracy"}
LOSSES = {"age": "mean_absolute_error", "gender": "binary_crossentropy"}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("notebook-age", "age", "VGG16", dropout=0.4, hidden=256, epochs=20, patience=5),
        Recipe(
            "notebook-gender", "gender", "ResNet152V2",
            pooling="avg-pool", epochs=20, patience=5, monitor="val_accuracy",
        ),
        Recipe(
            "scratch-age", "age", "SmallConv", pooling="avg-pool", epochs=24, learning_rate=4e-3,
            cosine=True, trainable=True, centred=True,
        ),
        Recipe(
            "scratch-gender", "gender", "SmallConv", pooling="avg-pool", epochs=12, monitor="val_accuracy",
            learning_rate=2e-3, cosine=True, trainable=True,
        ),
    )
}  # fmt: skip


def find_recipe(name: str, task: str) -> Recipe:
    """The recipe ``name`` ("notebook" or "scratch") of a task."""
    recipe = RECIPES.get(f"{name}-{task}")
    if recipe is None:
        families = sorted({key.rsplit("-", 1)[0] for key in RECIPES} | {FineTuning.name, Adaptation.name})
        raise AgeLensError(f"There is no recipe {name!r}; known are {', '.join(families)}.")
    return recipe


def comparison_recipe(task: str, head: str, epochs: int) -> Recipe:
    """The notebook's head of the comparison: Dropout 0.2, the whole map (or its average), one unit."""
    if head not in HEADS:
        raise AgeLensError(f"There is no head {head!r}; known are {', '.join(HEADS)}.")
    return Recipe(f"compare-{task}", task, "", pooling=head, epochs=epochs)


def compile_network(network: keras.Model, recipe: Recipe, steps: int) -> None:
    """Set the loss, the metric and the optimiser of the recipe's task; ``steps`` are the batches of an epoch."""
    rate = recipe.learning_rate
    if recipe.cosine:
        rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=recipe.epochs * steps)
    # XLA would compile for minutes what runs for seconds.
    network.compile(
        optimizer=keras.optimizers.Adam(rate), loss=recipe.loss, metrics=[recipe.metric], jit_compile=False
    )
