"""Training: a step is a pure function of weights, optimiser and step number, so that a run can stop and go on anywhere.

A recipe reads::

    def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
        settings = config.section("model", MySettings)           # a frozen pydantic model or dataclass; strict
        model = ...
        trainer = Trainer(model.players(), batches, config, folder=folder, callbacks=[Console(), Evaluation(measure)])
        outcome = trainer.run(resume=resume, allow=allow)
        with trainer.averaged():                                 # EMA weights, eval mode
            ...export...
        return outcome

and lives in ``misen.recipes.train_<config.recipe>``. ``batches`` is any function of the step number: the same step
always gives the same mapping, all of whose values have the length of the batch and can be sliced. A player's loss draws
from torch's global generator, which the trainer seeds anew for every player and step.
"""

from misen.training.callbacks import Callback, Console, Evaluation, JsonLines, Tensorboard
from misen.training.checkpoint import Checkpoint, CheckpointFolder
from misen.training.config import TrainingConfig, load_config
from misen.training.denormals import flushed_denormals
from misen.training.ema import Ema
from misen.training.players import Batches
from misen.training.report import Outcome, Report
from misen.training.schedule import learning_rate
from misen.training.trainer import Trainer

__all__ = [
    "Batches",
    "Callback",
    "Checkpoint",
    "CheckpointFolder",
    "Console",
    "Ema",
    "Evaluation",
    "JsonLines",
    "Outcome",
    "Report",
    "Tensorboard",
    "Trainer",
    "TrainingConfig",
    "flushed_denormals",
    "learning_rate",
    "load_config",
]
