"""Observer and joint embedding A: they may steer and train, and never grade."""
