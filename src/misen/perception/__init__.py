"""Networks that look at pictures: ``coach`` may steer and train generators, ``judge`` only judges."""
