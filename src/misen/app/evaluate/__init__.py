"""Measures models: quality, adherence to one or two modalities, reconstruction, and any two folders of pictures.

Measure a model::

    examinee = Trained(load("avatars/diffusion"))
    report = evaluate_adherence(examinee, "sketch", n=500)
    print(report.normalized, report.ci95, report.to_json())
    evaluate_adherence(examinee, "sketch", examination=standard(COMPOSITION))    # combinations never trained on
    evaluate_together(examinee, "sketch", "camera")                              # what each loses to the other

Anything with the members of :class:`Examinee` can be measured the same way.
"""

from misen.app.evaluate.adherence import evaluate_adherence, evaluate_together
from misen.app.evaluate.examination import Examination, Examinee, Trained, standard
from misen.app.evaluate.files import Reconstructing, evaluate_folders, evaluate_reconstruction
from misen.app.evaluate.inversion import evaluate_inversion
from misen.app.evaluate.quality import evaluate_quality

__all__ = [
    "Examination",
    "Examinee",
    "Reconstructing",
    "Trained",
    "evaluate_adherence",
    "evaluate_folders",
    "evaluate_inversion",
    "evaluate_quality",
    "evaluate_reconstruction",
    "evaluate_together",
    "standard",
]
