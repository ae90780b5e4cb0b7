"""Options that several commands take."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens._version import __version__
from agelens.cli.config_file import take_config

# Every generator of chance takes it, also with some seeds that follow.
MOST_SEED = 2**31 - 1


def _version(asked: bool) -> None:
    if asked:
        print(f"agelens {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
]
# The panels in which `--help` shows the options, by theme.
STUDY, FACES, NETWORKS, TRAINING, COMPUTING, RESULT = (
    "Study", "Faces", "Networks", "Training", "Computing", "Result",
)  # fmt: skip

Sources = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of images named by their labels, CSV or Parquet manifests with path, age, gender, or label files "
        "of published data sets; of several a study tells each apart.",
        show_default=False,
        readable=False,
    ),
]
Source = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of images named as in UTKFace, or a CSV manifest with path, age and gender.",
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
        rich_help_panel=FACES,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Which columns of a manifest hold what, as in age=Alter,gender=Sex.",
        show_default=False,
        rich_help_panel=FACES,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder that holds the study.", rich_help_panel=STUDY)]
Config = Annotated[
    Path | None,
    typer.Option(
        help="Take options from a YAML file, or from the config.json of another study, which repeats it. Options "
        "given beside it win.",
        callback=take_config,
        is_eager=True,
        show_default=False,
        rich_help_panel=STUDY,
    ),
]
SourceBalance = Annotated[
    float | None,
    typer.Option(
        help="How far sources of different sizes are drawn equally often: 0 by their sizes, 1 equally.",
        min=0,
        max=1,
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
AgeBalance = Annotated[
    float | None,
    typer.Option(
        help="How far bands of ten years are drawn equally often within a source: 0 as they come, 1 equally.",
        min=0,
        max=1,
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help="Columns of the table, by comma, that figures are told by too, as in site,skin_type.",
        show_default=False,
        rich_help_panel=RESULT,
    ),
]
MeasuredSources = Annotated[
    str | None,
    typer.Option(
        "--sources",
        help="Measure faces of these sources only, names by comma, or 'all', each apart and together.",
        show_default=False,
        rich_help_panel=FACES,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Compute again what is done already. Features in the cache are kept.",
        rich_help_panel=STUDY,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Seed of all that is drawn by chance: sample, split, initial weights, orders and intervals. If not given, "
        "it is the study's own, or 42.",
        min=0,
        max=MOST_SEED,
        rich_help_panel=STUDY,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the result as JSON on standard output.", rich_help_panel=RESULT),
]
Limit = Annotated[
    int | None,
    typer.Option(help="Use only this many images, drawn by chance.", min=30, rich_help_panel=FACES),
]
SplitRatios = Annotated[
    str | None,
    typer.Option(
        help="Split ratios of train, validation and test, such as 86/4/10. If not given, they are the study's own, or "
        "80/10/10.",
        show_default=False,
        rich_help_panel=FACES,
    ),
]
CropsAsTheyAre = Annotated[
    bool,
    typer.Option(
        "--crops-as-they-are",
        help="Take the images for face crops even if they look like whole photographs.",
        rich_help_panel=FACES,
    ),
]
MeasuredPart = Annotated[
    Literal["train", "validation", "test", "all"] | None,
    typer.Option(
        help="Split to measure on. If not given, it is test for the study's own networks, and all for others.",
        rich_help_panel=FACES,
    ),
]
Overlap = Annotated[
    Literal["refuse", "skip", "allow"],
    typer.Option(
        help="Treatment of images that the network was trained on: refuse to measure, skip them together with their "
        "near duplicates, or allow them, which the result then says.",
        rich_help_panel=FACES,
    ),
]
Align = Annotated[
    bool,
    typer.Option(
        "--align",
        help="Find the largest face of each image and align it, as predict does.",
        rich_help_panel=FACES,
    ),
]
Backbones = Annotated[
    str,
    typer.Option(
        help="Backbones to compare: names separated by commas, 'seven' for the notebook's seven, or "
        "FILE.onnx@IMAGE_SIZE:PREPROCESSING for your own.",
        rich_help_panel=NETWORKS,
    ),
]
AgeBackbone = Annotated[
    str | None,
    typer.Option(help="Backbone of the age network. The notebook takes VGG16.", rich_help_panel=NETWORKS),
]
GenderBackbone = Annotated[
    str | None,
    typer.Option(
        help="Backbone of the gender network. The notebook takes ResNet152V2.", rich_help_panel=NETWORKS
    ),
]
Pretrained = Annotated[
    list[str] | None,
    typer.Option(
        help="Face network to fine-tune: FILE.h5, FILE.onnx or FILE:PREPROCESSING. Give several to average them.",
        show_default=False,
        rich_help_panel=NETWORKS,
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        help="Weights of the backbones: 'imagenet', 'random', a file, or a folder with Keras's weight files.",
        rich_help_panel=NETWORKS,
    ),
]
ImageSize = Annotated[
    int | None,
    typer.Option(
        help="Width and height of the network's input, pixels. If not given, each backbone has its own.",
        min=16,
        rich_help_panel=NETWORKS,
    ),
]
Head = Annotated[
    Literal["flatten", "avg-pool"],
    typer.Option(
        help="Head of the comparison: on the flattened features, as in the notebook, or on their averages.",
        rich_help_panel=NETWORKS,
    ),
]
Bundle = Annotated[
    Path | None,
    typer.Option(
        help="Bundle to use, or the folder of a study with networks. If not given, it is AgeLens's own.",
        rich_help_panel=NETWORKS,
    ),
]
MeasuredBundle = Annotated[
    Path | None,
    typer.Option(
        help="Bundle to measure, the folder of a study, or 'agelens' for AgeLens's own. If not given, the study's "
        "networks are measured.",
        rich_help_panel=NETWORKS,
    ),
]
AgeLimits = Annotated[
    str,
    typer.Option(
        help="Ages whose limits are looked at, by comma: who passes below them, who is refused above them.",
        rich_help_panel=RESULT,
    ),
]
MaxFalsePositives = Annotated[
    float,
    typer.Option(
        help="Largest share of under-age faces that may pass: the smallest challenge age that keeps it is told.",
        min=0.0,
        max=1.0,
        rich_help_panel=RESULT,
    ),
]
AbstainError = Annotated[
    float,
    typer.Option(
        "--abstain",
        help="Largest share of wrong genders among those answered: how sure an answer has to be for it, and how many "
        "faces are then answered, is told.",
        min=0.0,
        max=1.0,
        rich_help_panel=RESULT,
    ),
]
DetectorModel = Annotated[
    Path | None,
    typer.Option(
        help="Find faces with this ONNX file of SCRFD, YuNet or CenterFace. If not given, AgeLens's own is used.",
        rich_help_panel=NETWORKS,
    ),
]
Precision = Annotated[
    Literal["auto", "bf16", "f32"],
    typer.Option(
        help="Precision in which networks are computed. 'auto' takes bf16 where the CPU supports it.",
        rich_help_panel=COMPUTING,
    ),
]
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        help="What computes: auto, cpu, gpu, npu, onnxruntime, cuda, tensorrt, coreml or directml; 'agelens devices' "
        "lists what is there.",
        rich_help_panel=COMPUTING,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="Threads of the processor that compute. If not given, there is one for each core.",
        min=1,
        show_default=False,
        rich_help_panel=COMPUTING,
    ),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        help="Neither use nor keep compiled networks, which make the next start quick.",
        rich_help_panel=COMPUTING,
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Folder that keeps features. If not given, it is $AGELENS_CACHE, or the system's cache.",
        rich_help_panel=COMPUTING,
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        help="Refuse images with more pixels than this; 200 million if not given. JPEG files of more than 65 million "
        "pixels are read at a reduced size.",
        min=1,
        show_default=False,
        rich_help_panel=COMPUTING,
    ),
]

Exclude = Annotated[
    Path | None,
    typer.Option(
        help="CSV of faces to leave out, by path or digest, such as the table of label-issues.",
        show_default=False,
        rich_help_panel=FACES,
    ),
]
Relabel = Annotated[
    Path | None,
    typer.Option(
        help="CSV of faces that get other labels: new_age and new_gender, or age and gender; empty cells change "
        "nothing.",
        show_default=False,
        rich_help_panel=FACES,
    ),
]

DEFAULT_OUT = Path("agelens-run")
