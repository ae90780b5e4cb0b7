"""Options that several commands take."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens._version import __version__
from agelens.cli.config_file import take_config
from agelens.utils.arguments import MOST_SEED


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
        "of published data sets. Of several sources each is also reported alone.",
        show_default=False,
        readable=False,
    ),
]
Source = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of labelled images, CSV or Parquet manifest, or label file of a published data set.",
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
        "given on the command line win over the file.",
        callback=take_config,
        is_eager=True,
        show_default=False,
        rich_help_panel=STUDY,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Do finished steps again. Features in the cache are kept.",
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
        help="Face network to fine-tune: FILE.h5, FILE.onnx or FILE:PREPROCESSING; give several to average them. Or "
        "the bundles to adapt: folders, or agelens or small for AgeLens's own.",
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
        help="Bundle to use, the folder of a study with networks, or 'small' for AgeLens's small network. If not "
        "given, it is AgeLens's own.",
        rich_help_panel=NETWORKS,
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
