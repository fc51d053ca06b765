"""The waist of the hourglass: signals, conditions, ports, estimates, energies, generators, guidance and errors."""
