"""The gallery of ``misen demo``: pictures from every kind of guidance a model follows natively, scored by the judge."""

from misen.app.demo.gallery import Gallery, make_gallery

__all__ = ["Gallery", "make_gallery"]
