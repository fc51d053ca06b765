"""Metrics: quality and variety of pictures, adherence to signals, and the tests that the metrics themselves must pass.

Formulas take features or scores and know no network; :mod:`misen.metrics.grader` brings the judge's, and the suffix
``_a`` marks every figure in its features.
"""
