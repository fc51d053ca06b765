"""Networks that look at pictures: coaches may steer and train, judges only judge."""
