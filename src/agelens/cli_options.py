"""Options that several commands take."""

from pathlib import Path
from typing import Annotated, Literal

import typer

# Every generator of chance takes it, also with some seeds that follow.
MOST_SEED = 2**31 - 1

Source = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of UTKFace-named images, or a CSV manifest with path, age, gender.", show_default=False
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Of the sample, the split, random weights, orders and intervals; the run's own, or 42.",
        min=0,
        max=MOST_SEED,
    ),
]
UnusedSeed = Annotated[int, typer.Option(help="Taken by every command; nothing here is left to chance.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Limit = Annotated[int | None, typer.Option(help="Use only this many images, drawn by chance.", min=30)]
Fractions = Annotated[
    str | None,
    typer.Option(
        help="Shares of train/validation/test, as 86/4/10; the run's own, or 80/10/10.", show_default=False
    ),
]
Backbones = Annotated[
    str,
    typer.Option(help="Names by comma, 'seven' for the notebook's, or FILE.onnx@SIDE:SCALING for your own."),
]
Weights = Annotated[
    str,
    typer.Option(
        help="'imagenet', 'random', a weights file, or a folder that holds Keras's files of weights."
    ),
]
Side = Annotated[int | None, typer.Option(help="Pixels a side; each backbone's own if not given.", min=16)]
Head = Annotated[Literal["flatten", "pooled"], typer.Option(help="The notebook's, or small features.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs; the recipe's if not given.", min=1)]
Precision = Annotated[
    Literal["auto", "bf16", "f32"], typer.Option(help="Of OpenVINO; auto is bf16 where the CPU computes it.")
]
Bundle = Annotated[
    Path | None,
    typer.Option(help="A bundle, or the folder of a run with networks; AgeLens's own if not given."),
]
DetectorModel = Annotated[
    Path | None,
    typer.Option(
        help="ONNX file of SCRFD, YuNet or CenterFace that finds the faces; AgeLens's own if not given."
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder that keeps features; $AGELENS_CACHE or the system's if not given.")
]
RecipeName = Annotated[
    Literal["notebook", "scratch"],
    typer.Option(help="Frozen backbones as in the notebook, or a small network that learns whole."),
]
AgeBackbone = Annotated[str | None, typer.Option(help="Backbone of the age network; VGG16 in the notebook.")]
GenderBackbone = Annotated[
    str | None, typer.Option(help="Backbone of the gender network; ResNet152V2 in the notebook.")
]
Trainable = Annotated[
    bool | None, typer.Option("--trainable/--frozen", help="Train the backbone too.", show_default=False)
]
Init = Annotated[
    list[str] | None,
    typer.Option(
        help="Face network to fine-tune, FILE.h5 or FILE.onnx, or FILE:SCALING; give several to average them.",
        show_default=False,
    ),
]
Members = Annotated[
    int | None, typer.Option(help="Fine-tunings from other seeds whose weights are averaged.", min=1)
]
Stages = Annotated[
    int | None,
    typer.Option(help="How many of the network's last resolutions learn; 0 lets every layer learn.", min=0),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Do it again, also where it is done; features in the cache are kept."),
]

DEFAULT_OUT = Path("agelens-run")
