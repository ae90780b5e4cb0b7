"""The example notebook, executed from its first cell to its last on synthetic faces."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "utkface.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook with its outputs; its study and its faces lie in a folder that is thrown away."""
    place = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGELENS_SYNTHETIC", "1")
        patch.delenv("UTKFACE", raising=False)
        # A cell that fails raises here, with the cell and its traceback.
        return NotebookClient(
            notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": place}}
        ).execute()


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def text_of(notebook: Any) -> str:
    """All text that stands below the cells, of every kind but figures."""
    shown = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs(notebook)
    ]
    return "\n".join(shown)


def test_it_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 20
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_its_chapters_stand_in_the_order_of_the_notebook_on_kaggle() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    chapters = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert [chapter.split(". ", 1)[1] for chapter in chapters] == [
        "Environment",
        "Loading",
        "Exploring",
        "Splitting",
        "Pipeline",
        "Seven backbones on age",
        "Seven backbones on gender",
        "The age network: VGG16",
        "The gender network: ResNet152V2",
        "Test",
        "A grid of predictions",
    ]


def test_it_runs_without_warnings_and_shows_tables_and_figures(executed: Any) -> None:
    shown = outputs(executed)
    errors = [output.text for output in shown if output.output_type == "stream" and output.name == "stderr"]
    assert errors == []
    data = [output.data for output in shown if "data" in output]
    assert sum("application/vnd.plotly.v1+json" in one for one in data) >= 12
    assert sum("image/png" in one for one in data) == 3
    for name in ("AuditResult", "ExplorationResult", "SplitResult", "ComparisonResult", "EvaluationResult"):
        assert any(f"<strong>{name}</strong>" in one.get("text/html", "") for one in data), name
    assert all(name in text_of(executed) for name in ("VGG16", "ResNet50V2", "MobileNetV3Small"))


def test_bars_end_as_lines_and_leave_nothing_moving(executed: Any) -> None:
    bars = [
        output.data["text/html"]
        for output in outputs(executed)
        if " in " in output.get("data", {}).get("text/plain", "")
        and output.data.get("text/html", "").startswith("<div>")
    ]
    assert len(bars) > 6
    assert not any("<progress" in bar for bar in bars)
    # Escapes of a terminal would be garbage here.
    streams = [output.text for output in outputs(executed) if output.output_type == "stream"]
    assert not any("\x1b[" in text for text in [*bars, *streams])


def test_the_keras_model_and_the_bundle_agree(executed: Any) -> None:
    line = next(line for line in text_of(executed).splitlines() if line.startswith("largest difference"))
    assert float(line.split()[2]) < 0.5
