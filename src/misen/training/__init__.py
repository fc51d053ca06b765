"""The trainer: players, moving averages, checkpoints that survive a crash."""
