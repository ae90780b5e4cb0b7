"""A study from Python: its steps as methods, each resumable, each returning a result that prints and plots."""

from collections.abc import Sequence
from pathlib import Path

from agelens.bundles.bundle import TASKS
from agelens.data.splits import check_parts
from agelens.errors import AgeLensError
from agelens.evaluation.overlap import Overlap
from agelens.models.keras_start import load_keras
from agelens.reporting.study_files import read_predictions
from agelens.study.audit_step import audit_faces
from agelens.study.network_results import ComparisonResult, EvaluationResult, TrainingResult
from agelens.study.opening import StudyOpening
from agelens.study.reporting_steps import explore_faces, report_run
from agelens.study.results import AuditResult, ExplorationResult, ReportResult, SplitResult
from agelens.study.standing import PREDICTIONS
from agelens.utils.extras import naming_extras


class Study(StudyOpening):
    """A study of labelled faces: a folder that its steps fill, and that a killed study goes on from.

    Each method does its step, and those before it that it needs, unless they are done with the same settings and
    their files are still there; so a notebook that is run again goes on where it was. The command line does the same
    in the same folder. Steps can be called in any order: ``train()`` of a new study audits and splits first.

    Args:
        source: folder of images named by their labels, CSV or Parquet manifest with ``path, age, gender``, label file
            of a published data set, or several of these, which a study tells apart; what `agelens.read_faces` gave,
            or a face table as a DataFrame. A table with a column ``split`` keeps its split and is not audited. None
            goes on with the study in ``out``.
        out: folder of the study; made if it does not exist.
        seed: of all that is drawn by chance; None is the study's own, or 42 for a new one.
        limit: use only this many images, drawn by chance; None is the study's own, or all.
        split_ratios: shares of train, validation and test, together 1; None is the study's own, or 0.8, 0.1, 0.1.
        crops_as_they_are: take the images for face crops even if they look like whole photographs.
        exclude: CSV of faces to leave out, by path or digest, such as the table of ``agelens label-issues``.
        relabel: CSV of faces that get other labels, in its columns ``new_age`` and ``new_gender``.
        reading: format and columns of the source, if they are not what its names and headers say.
        cache: folder of frozen features; None is ``$AGELENS_CACHE``, or the system's.
        progress: show bars and a line for each step, in a notebook below the cell, else on standard error.

    Raises:
        AgeLensError: each method raises it for bad input, with one sentence that names the way out.
        MissingExtraError: a method needs a package that is not installed; the sentence is the line that installs it.

    Example:
        ::

            import agelens

            study = agelens.Study("UTKFace", out="my-study")
            study.audit()                                    # prints a table of what was found
            study.explore().plot("age_histogram")            # a Plotly figure
            study.compare(["VGG16", "MobileNetV3Large"], image_size=96)
            study.train(epochs=10)
            print(study.evaluate().to_frame())
            study.report().path
    """

    def audit(self, *, force: bool = False) -> AuditResult:
        """Find unreadable, identical and near-identical images and labels that contradict; split without leaks.

        Args:
            force: do it again, also where it is done.
        """
        if self._is_split():
            raise AgeLensError(
                "The face table is split already, and a study of it audits nothing; audit what "
                "agelens.read_faces gives."
            )
        with self._at_work(force, begin=False) as folder:
            content = audit_faces(
                folder, self._origin(), self.seed, self.limit, self.split_ratios, self.reading
            )
            self._begun = True
            table = folder.table
        return AuditResult(content, table.drop(columns="split", errors="ignore"))

    def explore(self, *, force: bool = False) -> ExplorationResult:
        """Chart the faces and say in words what the charts show; ``charts/`` of the study holds them as PNG files.

        Args:
            force: do it again, also where it is done.
        """
        with self._at_work(force) as folder:
            return ExplorationResult(explore_faces(folder), folder.table)

    def split(self) -> SplitResult:
        """Return the split that the audit left: no group of near duplicates stands in two of its splits."""
        with self._at_work() as folder:
            check_parts(folder.table, folder.folder)
            return SplitResult(folder.table)

    def compare(
        self,
        backbones: str | Sequence[str] = "seven",
        *,
        weights: str = "imagenet",
        image_size: int | None = None,
        head: str = "flatten",
        epochs: int = 5,
        precision: str = "auto",
        notebook_exact: bool = False,
        device: str = "auto",
        threads: int | None = None,
        force: bool = False,
    ) -> ComparisonResult:
        """Compare frozen backbones on age and gender, from one pass of each over the faces.

        Args:
            backbones: names, or FILE.onnx@IMAGE_SIZE:PREPROCESSING for your own; "seven" are the notebook's.
            weights: "imagenet", "random", a weights file, or a folder that holds Keras's files of weights.
            image_size: pixels of a side; None is each backbone's own.
            head: "flatten", the notebook's, or "avg-pool".
            epochs: of the small head.
            precision: of the features, "auto", "bf16" or "f32".
            notebook_exact: compare with the notebook's own arithmetic too: pixels / 255, features as they come.
            device, threads: of the features, as for `agelens.load`; OpenVINO's devices alone.
            force: do it again, also where it is done; features in the cache are kept.
        """
        with naming_extras():
            load_keras()
            from agelens.evaluation.compare_backbones import Comparison
            from agelens.models.registry import backbone_names
            from agelens.study.needs import look_before
            from agelens.study.steps import compare_backbones

        names = backbone_names(backbones)
        with self._at_work(
            force, lambda folder: look_before(folder, names, weights), aligning=True
        ) as folder:
            comparison = Comparison(
                names, weights, image_size, head, epochs, precision, folder.config["seed"], self.cache, notebook_exact,
                device=device, threads=threads,
            )  # fmt: skip
            return ComparisonResult(compare_backbones(folder, comparison))

    def train(
        self,
        task: str = "both",
        recipe: str = "notebook",
        *,
        age_backbone: str | None = None,
        gender_backbone: str | None = None,
        weights: str = "imagenet",
        image_size: int | None = None,
        precision: str = "auto",
        notebook_exact: bool = False,
        trainable: bool | None = None,
        pretrained: str | Path | Sequence[str | Path] = (),
        teacher: str | Path | None = None,
        unfreeze_stages: int | None = None,
        soup_size: int | None = None,
        augmented_views: int | None = None,
        source_balance: float | None = None,
        age_balance: float | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        force: bool = False,
    ) -> TrainingResult:
        """Train an age network and a gender network; interrupted and called again, it goes on where it was.

        What is None is the recipe's own.

        Args:
            task: "age", "gender" or "both".
            recipe: "notebook" (frozen backbones with a head), "scratch" (a small network that learns whole),
                "finetune" (a face network, which ``pretrained`` names) or "adapt" (the heads of a bundle, the one
                that comes with AgeLens if ``pretrained`` names none).
            age_backbone, gender_backbone: of "notebook" and "scratch", as ``backbones`` of `compare`.
            weights, image_size, precision, notebook_exact: of "notebook" and "scratch", as for `compare`.
            trainable: of "notebook": whether the backbone learns too.
            pretrained: of "finetune" files of face networks, ``FILE`` or ``FILE:PREPROCESSING``; of "adapt" bundles.
                What several predict is averaged.
            teacher: of "finetune": a bundle whose predictions are learned beside the labels.
            unfreeze_stages: of "finetune": how many resolutions, from the coarsest, learn; 0 lets every layer learn.
            soup_size: of "finetune": how many trainings have their weights averaged.
            augmented_views: of "finetune" and "adapt": altered copies of each face that are learned from.
            source_balance, age_balance: of "finetune" and "adapt", 0 to 1: how far sources of different sizes, and ages
                within a source, are drawn equally often.
            epochs: at most so many.
            patience: of "notebook" and "scratch": epochs without a better validation figure before it stops.
            batch_size: faces in a batch.
            learning_rate: of the optimizer, at the start.
            force: do it again, also where it is done.
        """
        with naming_extras():
            load_keras()
            from agelens.study.needs import look_before
            from agelens.study.plan import TrainingPlan
            from agelens.study.steps import train_networks

        if task not in (*TASKS, "both"):
            raise AgeLensError(f"There is no task {task!r}; give 'age', 'gender' or 'both'.")
        plan = TrainingPlan(
            TASKS if task == "both" else (task,), recipe, age_backbone, gender_backbone, weights, image_size, precision,
            self.cache, epochs, patience, batch_size, learning_rate, trainable,
            tuple(str(one) for one in ([pretrained] if isinstance(pretrained, str | Path) else pretrained)),
            soup_size, unfreeze_stages, augmented_views, notebook_exact, source_balance, age_balance,
            None if teacher is None else str(teacher),
        )  # fmt: skip
        with self._at_work(force, lambda folder: look_before(folder, plan=plan), aligning=True) as folder:
            return TrainingResult(train_networks(folder, plan), folder.folder)

    def evaluate(
        self,
        bundle: Path | str | None = None,
        split: str | None = None,
        *,
        overlap: Overlap = "refuse",
        precision: str = "auto",
        align: bool = False,
        age_limits: Sequence[int] = (13, 16, 18, 21),
        max_false_positives: float = 0.01,
        abstain: float = 0.01,
        group_by: Sequence[str] = (),
        sources: Sequence[str] = (),
        device: str = "auto",
        threads: int | None = None,
        force: bool = False,
    ) -> EvaluationResult:
        """Measure networks on faces they have not seen, with intervals, baselines and figures by group.

        Args:
            bundle: a bundle, the folder of a study with networks, or "agelens" for AgeLens's own; None is this study's.
            split: "train", "validation", "test" or "all"; None is "test" for the study's own networks, else "all".
            overlap: what becomes of images that made the network: "refuse" to measure, "skip" them with their near
                duplicates, or "allow" them, and the result says so.
            precision: of the networks, "auto", "bf16" or "f32".
            align: find the largest face of each image and align it, as `agelens.Predictor.predict` does.
            age_limits: years whose limits are looked at: who passes below them, who is refused above them.
            max_false_positives: largest share of under-age faces that may pass, 0 to 1; the smallest challenge age
                that keeps it is told.
            abstain: largest share of wrong genders among those answered, 0 to 1; the share then answered is told.
            group_by: columns of the table, such as "site", that figures are told by too.
            sources: names of the sources that are measured; none given measures all, each apart and together.
            device, threads: as for `agelens.load`.
            force: do it again, also where it is done, and replace figures of other networks.
        """
        with naming_extras():
            load_keras()
            from agelens.evaluation.evaluate import Rules, framed_of
            from agelens.study.steps import evaluate_networks

        # Before anything is audited.
        framed_of(align, self.crops_as_they_are)
        place = None if bundle is None else Path(bundle)
        with self._at_work(force) as folder:
            content = evaluate_networks(
                folder, place, split or ("test" if place is None else "all"), overlap, precision, force, align,
                Rules(tuple(age_limits), max_false_positives, abstain), group_by, sources, device=device,
                threads=threads,
            )  # fmt: skip
            predictions = read_predictions(folder.folder / PREDICTIONS)
            assert predictions is not None
            return EvaluationResult(content, predictions)

    def report(self) -> ReportResult:
        """Write ``report.html``, one file that tells the study from its data to its test, from what is done of it."""
        with self._at_work() as folder:
            return ReportResult(report_run(folder))
