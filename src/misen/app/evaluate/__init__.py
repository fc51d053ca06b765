"""Measures models: quality, adherence, editing, reconstruction, all of a matrix, and any two folders of pictures.

Measure a model::

    examinee = Trained(load("avatars/diffusion"))
    report = evaluate_adherence(examinee, "sketch", n=500)
    print(report.normalized, report.ci95, report.to_json())
    evaluate_adherence(examinee, "sketch", examination=standard(COMPOSITION))    # combinations never trained on
    evaluate_together(examinee, "sketch", "camera")                              # what each loses to the other
    evaluate_editing(Retoucher(load(), method="sdedit"), n=100)                  # one trait of each picture changed
    evaluate_curve(turnable(load(), "sdedit"), usual_dial("sdedit"), n=100)     # the same at every strength
    evaluate_drags(Dragger(load("gan")), n=100)                                 # landmarks pulled elsewhere
    for cell in evaluate_matrix(best_models()): ...                              # every family, modality and route

Anything with the members of :class:`Examinee` can be measured the same way.
"""

from misen.app.evaluate.adherence import evaluate_adherence, evaluate_together
from misen.app.evaluate.curve import Dial, Finisher, evaluate_curve, turnable, usual_dial
from misen.app.evaluate.drags import Dragger, Dragging, evaluate_drags
from misen.app.evaluate.editing import Editor, Retoucher, Reviser, evaluate_editing
from misen.app.evaluate.examination import Examination, Examinee, Trained, standard
from misen.app.evaluate.files import Reconstructing, evaluate_folders, evaluate_reconstruction
from misen.app.evaluate.inversion import evaluate_inversion
from misen.app.evaluate.matrix import Cell, Contestant, append_cell, best_models, evaluate_matrix, read_cells
from misen.app.evaluate.quality import evaluate_quality
from misen.app.evaluate.subjects import evaluate_subjects

__all__ = [
    "Cell",
    "Contestant",
    "Dial",
    "Dragger",
    "Dragging",
    "Editor",
    "Examination",
    "Examinee",
    "Finisher",
    "Reconstructing",
    "Retoucher",
    "Reviser",
    "Trained",
    "append_cell",
    "best_models",
    "evaluate_adherence",
    "evaluate_curve",
    "evaluate_drags",
    "evaluate_editing",
    "evaluate_folders",
    "evaluate_inversion",
    "evaluate_matrix",
    "evaluate_quality",
    "evaluate_reconstruction",
    "evaluate_subjects",
    "evaluate_together",
    "read_cells",
    "standard",
    "turnable",
    "usual_dial",
]
