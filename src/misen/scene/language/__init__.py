"""Captions of avatars in English and Chinese, with the claims they make."""

from misen.scene.language.caption import Caption, Mention, contradicts, false_for
from misen.scene.language.facts import Style
from misen.scene.language.grammar import Language, describe, view_side

__all__ = ["Caption", "Language", "Mention", "Style", "contradicts", "describe", "false_for", "view_side"]
