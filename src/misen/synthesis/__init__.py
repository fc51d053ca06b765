"""Plan, loop, mix, correct, project, schedule: written once, knowing no modality and no family."""
