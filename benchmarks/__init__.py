"""Speed, measured: each module yields rows with intervals, and ``python -m benchmarks`` prints them as one table."""
