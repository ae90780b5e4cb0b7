from itertools import pairwise
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from agelens.bundles.bundle import Bundle
from agelens.errors import AgeLensError
from agelens.runtime import session
from agelens.runtime.session import compile_bundle

FACES = ["faces", 32, 32, 3]


def bundle(
    shape: list[str | int], output: str, nodes: int = 0, kind: int = TensorProto.UINT8, reduce: bool = True
) -> Bundle:
    """A network that gives the mean of all pixels, or all of them, after a chain of nodes."""
    names = ["floats", *(f"t{number}" for number in range(nodes))]
    chain = [helper.make_node("Cast", ["faces"], ["floats"], to=TensorProto.FLOAT)]
    chain += [helper.make_node("Sin", [one], [other]) for one, other in pairwise(names)]
    last = {"axes": list(range(1, len(shape))), "keepdims": 0} if reduce else {}
    chain.append(helper.make_node("ReduceMean" if reduce else "Identity", [names[-1]], [output], **last))
    graph = helper.make_graph(
        chain, "g", [helper.make_tensor_value_info("faces", kind, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Bundle(
        Path("given"), {"task": "age", "network": {"image_size": 32}}, model.SerializeToString(), {}
    )


def test_one_number_a_face_is_taken() -> None:
    network = compile_bundle(bundle(FACES, "age_years"), "f32")
    assert network.outputs == {"age_years": ()}
    assert compile_bundle(bundle(["faces", "height", "width", 3], "p_female"), "f32").image_size == 32


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (bundle(["faces", 48, 48, 3], "age_years"), "does not take faces of 32 x 32 pixels"),
        (bundle(["faces", 3, 32, 32], "age_years"), "does not take faces of 32 x 32 pixels"),
        (bundle(["faces", 32], "age_years"), "does not take faces of 32 x 32 pixels"),
        (
            bundle(FACES, "age_years", kind=TensorProto.FLOAT),
            "does not take faces of 32 x 32 pixels as bytes",
        ),
        (bundle(FACES, "age_years", reduce=False), "gives age_years in the shape"),
        (bundle(FACES, "age_distribution"), "gives age_distribution in the shape"),
        (bundle(FACES, "height"), "gives height, which is not known"),
    ],
)
def test_what_a_card_does_not_say_is_refused(given: Bundle, told: str) -> None:
    with pytest.raises(AgeLensError, match=told):
        compile_bundle(given, "f32")


def test_endless_chains_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_MOST_OPERATIONS", 40)
    with pytest.raises(AgeLensError, match="operations, more than the 40"):
        compile_bundle(bundle(FACES, "age_years", nodes=50), "f32")
    compile_bundle(bundle(FACES, "age_years", nodes=5), "f32")
