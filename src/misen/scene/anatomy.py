"""Names of everything a render is labelled with: classes, landmarks, relations, shape and expression axes."""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    "background", "skin", "neck", "ear", "nose", "eye", "iris", "brow", "upper lip", "lower lip", "mouth",
    "hair", "facial hair", "hat", "glasses", "earring", "shirt",
)
"""Segmentation classes; the index in this tuple is the class id stored in label maps."""

LANDMARKS: tuple[str, ...] = (
    "left brow outer", "left brow middle", "left brow inner",
    "right brow inner", "right brow middle", "right brow outer",
    "left eye outer", "left eye top", "left eye inner", "left eye bottom",
    "right eye inner", "right eye top", "right eye outer", "right eye bottom",
    "left pupil", "right pupil",
    "nose bridge", "nose tip", "left nostril", "right nostril",
    "mouth left", "upper lip top", "mouth right", "lower lip bottom", "upper lip inner", "lower lip inner",
    "left jaw", "chin", "right jaw", "left ear", "right ear", "forehead",
)
"""32 points; "left" is the left side of the *picture* for a frontal head (the subject's right)."""

IDENTITY_AXES: tuple[str, ...] = (
    "head width", "head height", "head depth", "jaw width", "jaw length", "chin size", "cheek fullness",
    "nose length", "nose width", "nose projection", "eye size", "eye spacing", "eye height", "ear size",
    "brow height", "brow thickness", "mouth width", "lip fullness", "forehead height", "neck width",
)
"""Axes of the linear identity basis; coefficients are standard normal, clipped to [-2.5, 2.5]."""

EXPRESSION_AXES: tuple[str, ...] = (
    "jaw open", "lip stretch", "lip round", "smile", "frown", "brow raise", "brow furrow",
    "blink left", "blink right", "gaze yaw", "gaze pitch", "cheek raise",
)
"""Axes of the linear expression basis; coefficients in [0, 1], but for the two gaze axes in [-1, 1]."""

RELATIONS: tuple[str, ...] = ("wearing", "above", "below", "left of", "right of", "in front of", "has color")
"""Predicates of scene-graph triples (subject, predicate, object)."""
