from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from agelens.bundles.bundle import BUNDLED, NETWORK, open_bundle, write_bundle
from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.errors import AgeLensError
from agelens.models.backbones import build_backbone, content_digest
from agelens.models.importers import read_encoder
from agelens.models.registry import find_backbone
from agelens.training.feature_cache import extract
from agelens.training.pretrained_encoders import PretrainedEncoder
from agelens.utils.files import digest_file
from agelens.utils.onnx_digests import digest_network, external_files

IMAGE_SIZE = 32


def model(seed: int = 0, bias: bool = True) -> onnx.ModelProto:
    """One convolution over images, channels first."""
    kernel = np.random.default_rng(seed).normal(size=(6, 3, 4, 4)).astype(np.float32)
    nodes = [
        helper.make_node(
            "Conv", ["x", "kernel", "bias"] if bias else ["x", "kernel"], ["y"], "c", strides=[4, 4]
        )
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [None, 3, IMAGE_SIZE, IMAGE_SIZE]), ("y", [None, 6, 8, 8]))
    ]
    constants = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(kernel[:, 0, 0, 0], "bias"),
    ]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], constants[: 2 if bias else 1])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def save(path: Path, seed: int = 0, split: bool = False) -> Path:
    """Write it with its weights in ``PATH.data``, or each in a file of its own."""
    path.parent.mkdir(exist_ok=True)
    for name in external_files(path.read_bytes()) if path.exists() else ():
        (path.parent / name).unlink()
    onnx.save(
        model(seed), path, save_as_external_data=True, all_tensors_to_one_file=not split,
        location=f"{path.name}.data", size_threshold=0,
    )  # fmt: skip
    return path


def test_the_files_that_hold_the_weights_are_found(tmp_path: Path) -> None:
    one = save(tmp_path / "a" / "one.onnx")
    assert external_files(one.read_bytes()) == ["one.onnx.data"]
    two = save(tmp_path / "b" / "two.onnx", split=True)
    assert external_files(two.read_bytes()) == ["bias", "kernel"]
    assert external_files(model().SerializeToString()) == []
    assert external_files(open_bundle(BUNDLED).network) == []


def outside(name: str, location: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    if location:
        tensor.external_data.add(key="offset", value="0")
        tensor.external_data.add(key="location", value=location)
    return tensor


def test_tensors_are_found_wherever_they_may_stand() -> None:
    """In nodes, in branches of branches, in functions and in sparse tensors."""
    whole = model(bias=False)
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["v"], value=outside("v", "in a branch"))],
        "branch", [], [helper.make_tensor_value_info("v", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    deeper = helper.make_graph(
        [helper.make_node("If", ["c"], ["v"], then_branch=branch, else_branch=branch)],
        "deeper", [], [helper.make_tensor_value_info("v", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    whole.graph.node.append(helper.make_node("If", ["c"], ["w"], then_branch=deeper, else_branch=deeper))
    many = helper.make_attribute("many", [outside("t", "in a list")])
    whole.graph.node.append(helper.make_node("Odd", [], ["o"]))
    whole.graph.node[-1].attribute.append(many)
    whole.graph.sparse_initializer.add().values.CopyFrom(outside("s", "sparse"))
    whole.functions.add(name="f").node.append(
        helper.make_node("Constant", [], ["q"], value=outside("q", "in a function"))
    )
    assert external_files(whole.SerializeToString()) == [
        "in a branch", "in a function", "in a list", "sparse",
    ]  # fmt: skip


def test_words_alone_are_no_files(tmp_path: Path) -> None:
    """The word may stand in a description, a tensor may say it and lie inside, and damage is for others to tell."""
    described = model()
    described.doc_string = "location"
    entry = described.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "nowhere"
    assert external_files(described.SerializeToString()) == []
    data = save(tmp_path / "one.onnx").read_bytes()
    for length in range(0, len(data), 7):
        external_files(data[:length])
    assert external_files(b"location" * 50) == []


def test_a_digest_covers_the_weights_outside(tmp_path: Path) -> None:
    plain = tmp_path / "plain.onnx"
    onnx.save(model(), plain)
    assert digest_network(plain) == digest_file(plain)
    file = save(tmp_path / "apart" / "mine.onnx", seed=0)
    before, itself = digest_network(file), digest_file(file)
    assert before != itself
    save(file, seed=1)
    # The file says the same, and its weights are others.
    assert digest_file(file) == itself
    assert digest_network(file) != before
    save(file, seed=0)
    assert digest_network(file) == before


def test_weights_that_are_missing_or_elsewhere_are_named(tmp_path: Path) -> None:
    file = save(tmp_path / "mine.onnx")
    (tmp_path / "mine.onnx.data").unlink()
    spec = find_backbone(f"{file}@{IMAGE_SIZE}:tf")
    for read in (
        lambda: digest_network(file),
        lambda: content_digest(spec, "imagenet"),
        lambda: read_encoder(file),
    ):
        with pytest.raises(AgeLensError, match=r"mine\.onnx.*mine\.onnx\.data"):
            read()
    with pytest.raises(AgeLensError, match=r"mine\.onnx.*mine\.onnx\.data"):
        build_backbone(spec)
    away = model(bias=False)
    away.graph.initializer[0].CopyFrom(outside("kernel", "../elsewhere.bin"))
    file.write_bytes(away.SerializeToString())
    with pytest.raises(AgeLensError, match=r"takes weights from \.\./elsewhere\.bin"):
        digest_network(file)


def test_other_weights_in_the_same_file_give_other_features(tmp_path: Path) -> None:
    synthesize_faces(tmp_path / "faces", 3, seed=1, image_size=64)
    table = read_faces(tmp_path / "faces").table
    file, found, digests = tmp_path / "a" / "mine.onnx", [], []
    for seed in (0, 1):
        save(file, seed)
        spec = find_backbone(f"{file}@{IMAGE_SIZE}:unit")
        digests.append(
            (content_digest(spec, "imagenet"), PretrainedEncoder(file).digest, read_encoder(file).digest)
        )
        features = extract(build_backbone(spec), table, "f32", cache=tmp_path / "cache")
        found.append(features.read(slice(None)))
    assert all(first != second for first, second in zip(*digests, strict=True))
    assert np.abs(found[0] - found[1]).max() > 0.1
    # The weights that lie outside are those that were used.
    onnx.save(model(1), tmp_path / "whole.onnx")
    whole = build_backbone(find_backbone(f"{tmp_path / 'whole.onnx'}@{IMAGE_SIZE}:unit"))
    right = extract(whole, table, "f32", cache=tmp_path / "other").read(slice(None))
    np.testing.assert_allclose(found[1], right, rtol=1e-5)


def test_a_bundle_with_weights_outside_is_refused(tmp_path: Path) -> None:
    """Both where it is written and where it is read; the file may even lie where the program happens to run."""
    card = {"task": "age", "network": {"image_size": IMAGE_SIZE}}
    network = save(tmp_path / "mine.onnx")
    data = network.read_bytes()
    with pytest.raises(AgeLensError, match=r"bundle keeps weights in other files \(mine\.onnx\.data\)"):
        write_bundle(tmp_path / "bundle", network, card, {})
    assert not (tmp_path / "bundle").exists()
    onnx.save(model(), network)
    write_bundle(tmp_path / "bundle", network, card, {})
    (tmp_path / "bundle" / NETWORK).write_bytes(data)
    sums = tmp_path / "bundle" / "SHA256SUMS"
    lines = sums.read_text().splitlines()
    lines[0] = f"{digest_file(tmp_path / 'bundle' / NETWORK)}  {NETWORK}"
    sums.write_text("\n".join(lines))
    with pytest.raises(
        AgeLensError, match=r"bundle keeps weights in other files \(mine\.onnx\.data\), which"
    ):
        open_bundle(tmp_path / "bundle")
