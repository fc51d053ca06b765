"""Whether a recipe that tunes a model on a few pictures of a subject makes it know the subject, and forget nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from misen.app import checks
from misen.core.registry import lookup
from misen.metrics.grader import shipped_grader
from misen.metrics.report import SubjectsReport
from misen.metrics.rows import ALONE, Watch, Work, unwatched
from misen.recipes import evaluate_subjects as measure
from misen.training import TrainingConfig


def evaluate_subjects(
    config: TrainingConfig, *, subjects: int = 20, pictures: int = 25, work: Work = ALONE, watch: Watch = unwatched
) -> SubjectsReport:
    """Tune on one subject of the test range after another, make pictures of each, and let the judge look.

    Args:
        config: of ``textual_inversion`` or ``dreambooth``; renders of the subject take the place of its data.
        subjects: how many, at least 2.
        pictures: made of each, at least 2.
        work: by how many processes, and in which journal.
        watch: told how many subjects are done.

    Raises:
        InputError: too few, or the journal is about something else.
        NotFoundError: the recipe is none of these.
        MisenError: whatever the recipe raises.
    """
    checks.whole(subjects, "subjects", 2, checks.COUNT_LIMIT)
    checks.whole(pictures, "pictures", 2, checks.COUNT_LIMIT)
    program = measure.PROGRAMS[lookup("recipe of subjects", config.recipe, measure.PROGRAMS)]
    with tempfile.TemporaryDirectory() as folder:
        figures = measure.evaluate(config, subjects, pictures, Path(folder), work, watch)
    return SubjectsReport(
        model=program.Settings(**config.model).base,
        recipe=config.recipe,
        subjects=subjects,
        pictures=pictures,
        figures=figures,
        judge=shipped_grader().name,
    )
