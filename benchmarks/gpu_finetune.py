"""Fine-tune all layers of FaceNet with several seeds, and of MobileFaceNet with FaceNet as its teacher, on one GPU.

    pip install torch    # not in the project's lock file; the figures in the research log are of 2.11 on an H100
    python benchmarks/gpu_finetune.py --data DATA --out RESULT

DATA is what `gpu_prepare.py` wrote. The defaults of the options are those of the run in the research log. The
machine needs PyTorch, NumPy and OpenCV, but neither AgeLens nor Keras. All figures are of the validation split.
The jobs, which go on from each other's files in RESULT:

    warm         train the head of FaceNet for one epoch, and keep the encoder as it is
    big          fine-tune FaceNet from there, once for each seed
    soup         measure these networks averaged by their predictions and by their weights (a model soup), and keep the
                 soup or the network of one seed, whichever has the least validation loss
    small        fine-tune MobileFaceNet, taught by the network kept
    pair         measure the two averaged
    predictions  write what each network says of all faces outside the training split, for `gpu_ensembles.py`; of the
                 test split nothing is measured

RESULT gets figures.json, the checkpoints (.pt) of all networks, soup.npz and small.npz (arrays in Keras's order of
axes, kernels as float16) and predictions.npz.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_encoder import AgeGenderNetwork
from gpu_faces import TRAIN, VALIDATION, Padding, load_faces
from gpu_training import Config, EncoderSpec, Run, Trainer, build_network, predict, report, say

State = dict[str, torch.Tensor]
Predictions = tuple[np.ndarray, np.ndarray]
_SMALL_SEED = 11


class Study:
    """The jobs, on faces that are loaded once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.out = options, options.out
        self.config = Config(**{field.name: getattr(options, field.name) for field in fields(Config)})
        big = Padding(160, options.crop_size)
        small = Padding(112, options.small_crop_size, options.small_crop_shift_y)
        self.big = EncoderSpec(options.data / "facenet", big, standardize_features=False)
        self.small = EncoderSpec(options.data / "mobilefacenet", small, standardize_features=True)
        self.faces = load_faces(options.data, options.device, options.limit)
        self.validation = self.faces.rows(VALIDATION)
        self.labels = self.faces.labels_of(self.validation)
        # Figures of jobs that were done before stay.
        file = self.out / "figures.json"
        self.figures: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self.figures["settings"] = {name: str(value) for name, value in vars(options).items()}
        say("loaded", tuple(self.faces.pixels.shape))
        say("train", len(self.faces.rows(TRAIN)), "validation", len(self.validation))

    def run(self) -> None:
        jobs: dict[str, Callable[[], None]] = {name: getattr(self, f"do_{name}") for name in JOBS}
        for name in self.options.jobs:
            jobs[name]()
            (self.out / "figures.json").write_text(json.dumps(self.figures, indent=1))

    def do_warm(self) -> None:
        self._train(Run("warm", self.big, seed=0, epochs=1, learning_rate=0.0))

    def do_big(self) -> None:
        for seed in self.options.seeds:
            options, start = self.options, self._read("warm")
            self._train(Run(f"facenet-{seed}", self.big, seed, options.epochs, options.learning_rate, start))

    def do_soup(self) -> None:
        states = {f"facenet-{seed}": self._read(f"facenet-{seed}") for seed in self.options.seeds}
        predictions = [self._predict(self._build(self.big, state)) for state in states.values()]
        self._report("ensemble", _average(predictions, [1 / len(predictions)] * len(predictions)))
        states["soup"] = {
            name: torch.stack([state[name].float() for state in states.values()]).mean(0)
            for name in next(iter(states.values()))
        }
        soup = self._build(self.big, states["soup"])
        straight, flipped = self._predict(soup), self._predict(soup, flip=True)
        self._report("soup", straight)
        self._report("soup and its mirror image", _average([straight, flipped], [0.5, 0.5]))
        # Each candidate is measured in a network of its own: loading one must not change another.
        losses = {}
        for name, state in states.items():
            figures = self._report(f"candidate {name}", self._predict(self._build(self.big, state)))
            losses[name] = self._validation_loss(figures)
        best = min(losses, key=losses.__getitem__)
        say("kept", best, {name: round(loss, 4) for name, loss in losses.items()})
        self.figures["kept"] = best
        self._write("soup", self._build(self.big, states[best]))

    def do_small(self) -> None:
        teacher = self._build(self.big, self._read("soup")).eval()
        options, padding = self.options, self.big.padding
        epochs, learning_rate = options.small_epochs, options.small_learning_rate
        run = Run("small", self.small, _SMALL_SEED, epochs, learning_rate, None, teacher, padding)
        self._write("small", self._train(run))

    def do_pair(self) -> None:
        both = [
            self._predict(self._build(encoder, self._read(name)), encoder=encoder)
            for name, encoder in (("soup", self.big), ("small", self.small))
        ]
        for weight in (0.2, 0.4, 0.6):
            self._report(f"soup and small, weight {weight}", _average(both, [1 - weight, weight]))

    def do_predictions(self) -> None:
        rest = (self.faces.labels["split"] != TRAIN).nonzero()[:, 0]
        written = {"rows": rest.cpu().numpy()}
        for file in sorted(self.out.glob("*.pt")):
            if file.stem == "warm":
                continue
            encoder = self.small if file.stem == "small" else self.big
            network = self._build(encoder, self._read(file.stem))
            age, female = predict(network, self.faces, rest, encoder.padding)
            written[f"{file.stem}/age"] = age.astype(np.float16)
            written[f"{file.stem}/female"] = female.astype(np.float16)
        np.savez(self.out / "predictions.npz", **written)

    def _train(self, run: Run) -> AgeGenderNetwork:
        network, self.figures[run.name] = Trainer(self.faces, self.config, run).fit()
        torch.save(network.state_dict(), self.out / f"{run.name}.pt")
        return network

    def _build(self, encoder: EncoderSpec, state: State) -> AgeGenderNetwork:
        network = build_network(encoder, self.config.dropout, self.faces.pixels.device)
        network.load_state_dict(state)
        return network

    def _read(self, name: str) -> State:
        path = self.out / f"{name}.pt"
        if not path.is_file():
            raise SystemExit(f"{path} does not exist; run the job that writes it first (see --help).")
        return torch.load(path, map_location=self.faces.pixels.device, weights_only=True)

    def _write(self, name: str, network: AgeGenderNetwork) -> None:
        torch.save(network.state_dict(), self.out / f"{name}.pt")
        arrays = network.keras_weights()
        for key, value in arrays.items():
            # What is small, and the scaling of features, stays in float32.
            if value.ndim >= 2 and "avg-pool" not in key:
                arrays[key] = value.astype(np.float16)
        np.savez(self.out / f"{name}.npz", **arrays)

    def _predict(
        self, network: AgeGenderNetwork, encoder: EncoderSpec | None = None, flip: bool = False
    ) -> Predictions:
        padding = (encoder or self.big).padding
        return predict(network, self.faces, self.validation, padding, flip=flip)

    def _report(self, name: str, predictions: Predictions) -> dict[str, float]:
        self.figures[name] = report(name, *predictions, self.labels)
        return self.figures[name]

    def _validation_loss(self, figures: dict[str, float]) -> float:
        weights = {"age_log_loss": 1.0, "gender_log_loss": self.config.gender_loss_weight}
        return sum(
            weight * figures.get(f"{source}_{loss}", 0.0)
            for source in ("utkface", "fairface")
            for loss, weight in weights.items()
        )


def _average(predictions: list[Predictions], weights: list[float]) -> Predictions:
    """Average probabilities of ages and logits of female."""
    age, female = (
        sum(weight * one for weight, one in zip(weights, column, strict=True))
        for column in zip(*predictions, strict=True)
    )
    return age, female


JOBS = ("warm", "big", "soup", "small", "pair", "predictions")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder that gpu_prepare.py wrote")
    add("--out", type=Path, required=True, help="the folder of the results")
    add("--jobs", nargs="+", choices=JOBS, default=JOBS, help="what to do, in this order")
    add("--device", default="cuda", help="cuda or cpu")
    add("--limit", type=int, help="take this many faces, drawn by chance, to try the program")
    add("--batch-size", type=int, default=512)
    add("--epochs", type=int, default=15, help="of FaceNet")
    add("--small-epochs", type=int, default=20, help="of MobileFaceNet")
    add("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of FaceNet, one training each")
    add("--learning-rate", type=float, default=5e-4, help="of FaceNet's encoder")
    add("--small-learning-rate", type=float, default=8e-4, help="of MobileFaceNet's encoder")
    add("--head-learning-rate", type=float, default=1e-3, help="of both heads")
    add("--weight-decay", type=float, default=0.05)
    add("--dropout", type=float, default=0.4, help="of the heads")
    add("--ema-momentum", type=float, default=0.995, help="of the moving average of the weights")
    add("--mixup-alpha", type=float, default=0.3, help="both parameters of the Beta distribution")
    add("--epochs-without-mixup", type=int, default=2, help="how many, at the end")
    add("--gender-loss-weight", type=float, default=3.0)
    add("--utkface-share", type=float, default=0.5, help="of the faces that are drawn")
    add(
        "--balance-power",
        type=float,
        default=0.3,
        help="how far age groups are made equal; 0 leaves them, 1 does",
    )
    add(
        "--distillation-weight",
        type=float,
        default=0.6,
        help="of the teacher's loss; the labels have the rest",
    )
    add("--validate-every", type=int, default=5, help="epochs between measurements")
    add("--augmented-size", type=int, default=160, help="pixels of augmented crops")
    add("--crop-size", type=int, default=160, help="pixels of the crop in FaceNet's 160")
    add("--small-crop-size", type=int, default=112, help="pixels of the crop in MobileFaceNet's 112")
    add(
        "--small-crop-shift-y",
        type=float,
        default=0.0,
        help="how far that is moved down, as a share of the 112",
    )
    add("--max-seconds", type=float, default=1e9, help="stop a training after the epoch that passes this")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    on_gpu = options.device == "cuda"
    say("PyTorch", torch.__version__, torch.cuda.get_device_name() if on_gpu else "CPU")
    Study(options).run()
    if on_gpu:
        say("peak memory", torch.cuda.max_memory_allocated() // 2**20, "MiB")


if __name__ == "__main__":
    main()
