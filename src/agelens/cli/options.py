"""Options that several commands take."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens._version import __version__

# Every generator of chance takes it, also with some seeds that follow.
MOST_SEED = 2**31 - 1


def _version(asked: bool) -> None:
    if asked:
        print(f"agelens {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
]
Sources = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of images named by their labels, CSV or Parquet manifests with path, age, gender, or label files "
        "of published data sets; of several a study tells each apart.",
        show_default=False,
        readable=False,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        help="Read the sources in this format, such as utkface, fairface or manifest; found by names and headers if "
        "not given.",
        show_default=False,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Which columns of a manifest hold what, as in age=Alter,gender=Sex.", show_default=False
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Seed of what is drawn by chance: sample, split, weights, orders, intervals. The run's own, or 42, if "
        "not given.",
        min=0,
        max=MOST_SEED,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Limit = Annotated[int | None, typer.Option(help="Use only this many images, drawn by chance.", min=30)]
SplitRatios = Annotated[
    str | None,
    typer.Option(
        help="Shares of train/validation/test, such as 86/4/10. The run's own, or 80/10/10, if not given.",
        show_default=False,
    ),
]
Backbones = Annotated[
    str,
    typer.Option(
        help="Names by comma, 'seven' for the notebook's, or FILE.onnx@IMAGE_SIZE:PREPROCESSING for your own."
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        help="'imagenet', 'random', a weights file, or a folder that holds Keras's files of weights."
    ),
]
ImageSize = Annotated[
    int | None, typer.Option(help="Pixels of a side of the images; each backbone's own if not given.", min=16)
]
Head = Annotated[
    Literal["flatten", "avg-pool"],
    typer.Option(help="Head on the features: the notebook's, or one on their averages."),
]
Epochs = Annotated[
    int | None, typer.Option(help="How many epochs to train; the recipe's own if not given.", min=1)
]
Patience = Annotated[int | None, typer.Option(help="Epochs without a better figure before it stops.", min=0)]
Precision = Annotated[
    Literal["auto", "bf16", "f32"],
    typer.Option(help="Precision of the networks; auto takes bf16 where the CPU computes it."),
]
Bundle = Annotated[
    Path | None,
    typer.Option(help="A bundle, or the folder of a run with networks; AgeLens's own if not given."),
]
MeasuredBundle = Annotated[
    Path | None,
    typer.Option(
        help="A bundle, a run with networks, or 'agelens' for AgeLens's own; the run's own if not given."
    ),
]
MeasuredPart = Annotated[
    Literal["train", "validation", "test", "all"] | None,
    typer.Option(help="Test for the run's own networks, else all, if not given."),
]
Overlap = Annotated[
    Literal["refuse", "skip", "allow"],
    typer.Option(
        help="What becomes of images that made the network: refuse to measure, skip them with the near duplicates that "
        "the audit found of them, or allow them; the result says so."
    ),
]
Align = Annotated[
    bool, typer.Option("--align", help="Find the largest face of each image and align it, as predict does.")
]
DetectorModel = Annotated[
    Path | None,
    typer.Option(
        help="ONNX file of SCRFD, YuNet or CenterFace that finds the faces; AgeLens's own if not given."
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        help="Refuse images whose width times height is more; 200 million if not given. JPEG files of more than 65 "
        "million are read at a reduced size.",
        min=1,
        show_default=False,
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder that keeps features; $AGELENS_CACHE or the system's if not given.")
]
RecipeName = Annotated[
    Literal["notebook", "scratch"],
    typer.Option(help="Frozen backbones as in the notebook, or a small network that learns whole."),
]
CropsAsTheyAre = Annotated[
    bool,
    typer.Option(
        "--crops-as-they-are", help="Take the images for face crops even if they look like whole photographs."
    ),
]
AgeBackbone = Annotated[str | None, typer.Option(help="Backbone of the age network; VGG16 in the notebook.")]
GenderBackbone = Annotated[
    str | None, typer.Option(help="Backbone of the gender network; ResNet152V2 in the notebook.")
]
Trainable = Annotated[
    bool | None, typer.Option("--trainable/--frozen", help="Train the backbone too.", show_default=False)
]
NotebookExactToo = Annotated[
    bool,
    typer.Option(
        "--notebook-exact",
        help="Compare with the notebook's own arithmetic too: pixels / 255 for every backbone, features as they come.",
    ),
]
NotebookExact = Annotated[
    bool,
    typer.Option(
        "--notebook-exact",
        help="Train with the notebook's own arithmetic: pixels / 255 for every backbone, features as they come.",
    ),
]
Pretrained = Annotated[
    list[str] | None,
    typer.Option(
        help="Face network to fine-tune, FILE.h5 or FILE.onnx, or FILE:PREPROCESSING; give several to average them.",
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
SourceBalance = Annotated[
    float | None,
    typer.Option(
        help="How far sources of different sizes are drawn equally often: 0 by their sizes, 1 equally.",
        min=0,
        max=1,
        show_default=False,
    ),
]
AgeBalance = Annotated[
    float | None,
    typer.Option(
        help="How far bands of ten years are drawn equally often within a source: 0 as they come, 1 equally.",
        min=0,
        max=1,
        show_default=False,
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help="Columns of the table, by comma, that figures are told by too, as in site,skin_type.",
        show_default=False,
    ),
]
MeasuredSources = Annotated[
    str | None,
    typer.Option(
        "--sources",
        help="Measure faces of these sources only, names by comma, or 'all', each apart and together.",
        show_default=False,
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Do it again, also where it is done; features in the cache are kept."),
]

DEFAULT_OUT = Path("agelens-run")
