"""What a study's labels allow: tasks that no face is labelled for are left out, and groups of ages are told."""

from dataclasses import replace

from agelens.data.labels import has_age_group, labelled_tasks
from agelens.errors import AgeLensError
from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan


def labelled_plan(run: StudyFolder, plan: TrainingPlan) -> TrainingPlan:
    """Return the plan without tasks that no face of the run is labelled for; the person is told.

    Raises:
        AgeLensError: none is left.
    """
    labelled = labelled_tasks(run.table)
    tasks = tuple(task for task in plan.tasks if task in labelled)
    missing = [task for task in plan.tasks if task not in labelled]
    if not tasks:
        raise AgeLensError(
            f"No face of {run.folder} is labelled for {' or '.join(missing)}; train another task, or give labels."
        )
    if missing:
        run.say(f"no face is labelled for {missing[0]}, so no network learns it")
    return replace(plan, tasks=tasks)


def tell_groups(run: StudyFolder) -> None:
    """Say where the notebook's networks, which learn one age for each face, take the middle of a group."""
    grouped = int(has_age_group(run.table).sum())
    if grouped:
        run.say(f"{grouped:,} ages are known as groups only; the middle of each group stands for it here")
