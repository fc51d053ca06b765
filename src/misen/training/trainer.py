"""The trainer: plays a game of one or more players, step by step, and can stop and go on anywhere.

A step is a pure function of the weights, the optimisers' moments and the step number: its batch is a function of the
step, and torch's global generator is seeded anew for every player and step. A run that is killed and resumed is
therefore bit-identical, on the CPU, to one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from misen.core.errors import Cancelled, ConfigError, StorageError, TrainingError
from misen.core.generator import Player
from misen.core.seeding import derive
from misen.distributed import agree, anywhere, average, require_equal, team, wait, whole_batch_draws
from misen.training.callbacks import Callback
from misen.training.checkpoint import Checkpoint, CheckpointFolder
from misen.training.config import TrainingConfig
from misen.training.figures import Means
from misen.training.fingerprint import fingerprint, require_same
from misen.training.interrupt import Interrupt
from misen.training.players import Batches, Fingerprinted, Seat, rows
from misen.training.report import Outcome, Report
from misen.training.schedule import cooldown_due, learning_rate

End = Literal["steps", "minutes"]


@dataclass
class Progress:
    """Where a run stands; stored in every checkpoint.

    Attributes:
        step: steps done.
        minutes: wall-clock minutes of training, over all continuations.
        cooldown_start: step at which a trapezoid began to fall.
        skipped: steps skipped so far.
        skipped_in_a_row: steps skipped just now, one after another.
    """

    step: int = 0
    minutes: float = 0.0
    cooldown_start: int | None = None
    skipped: int = 0
    skipped_in_a_row: int = 0


class Trainer:
    """Trains players on batches.

    Args:
        players: in the order in which they move; their modules are moved to the team's device, channels last.
        batches: the global batch of each step, on the team's device; every process takes its rows.
        config: how to train.
        folder: where checkpoints and the log go.
        callbacks: who is told; on the first process only.
        clock: seconds, only ever increasing.
    """

    def __init__(
        self,
        players: Iterable[Player],
        batches: Batches,
        config: TrainingConfig,
        *,
        folder: Path,
        callbacks: Sequence[Callback] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config, self.folder, self.team = config, folder, team(config.threads)
        if config.batch_size % self.team.size:
            raise ConfigError(
                f"batch_size {config.batch_size} cannot be divided among {self.team.size} processes",
                field="batch_size",
                hint=f"use a multiple of {self.team.size}",
            )
        self.seats = [self._seat(player) for player in players]
        self.checkpoints = CheckpointFolder(folder / "checkpoints", config.keep)
        self.progress = Progress()
        self._batches, self._clock, self._started = batches, clock, clock()
        self._callbacks = tuple(callbacks) if self.team.leads else ()
        data = batches.fingerprint if isinstance(batches, Fingerprinted) else ""
        self._fingerprint = fingerprint(config, [seat.player for seat in self.seats], data)
        self._means, self._figures = Means(), dict[str, float]()

    @property
    def step(self) -> int:
        """Steps done."""
        return self.progress.step

    @property
    def minutes(self) -> float:
        """Wall-clock minutes of training, over all continuations."""
        return self.progress.minutes + (self._clock() - self._started) / 60

    def run(self, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
        """Train until the configuration's end.

        Args:
            resume: go on from the folder's newest sound checkpoint, if it has one.
            allow: keys of the fingerprint that may differ from the checkpoint's, see ``fingerprint.require_same``.

        Raises:
            StorageError: the folder holds a run already and ``resume`` is off, or cannot be written.
            ConfigError: the checkpoint was made with another configuration, data or code.
            DistributedError: the processes do not run the same thing.
            TrainingError: losses or gradients stayed without a finite value; the last sound checkpoint is kept.
            Cancelled: interrupted; a checkpoint was saved.
        """
        require_equal(self._fingerprint, self.team)
        self.checkpoints.remove_leftovers()
        self._go_on(self.checkpoints.newest(), resume, allow)
        for callback in self._callbacks:
            callback.started(self)
        with Interrupt() as interrupt:
            end = self._play(interrupt)
        path = self._save() or self.checkpoints.folder
        for callback in self._callbacks:
            callback.finished(self)
        wait(self.team)
        samples = self.step * self.config.batch_size
        return Outcome(self.step, samples, self.minutes, end, path, self._figures, self.progress.skipped)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """All players with their averaged weights, in evaluation mode, for the length of a ``with`` block."""
        with ExitStack() as stack:
            for seat in self.seats:
                stack.enter_context(seat.ema.applied())
            yield

    def announce(self, figures: Mapping[str, float]) -> None:
        """Report ``figures`` measured beside training."""
        self._tell(self._report(figures))

    def save(self) -> Path:
        """Write a checkpoint of this moment."""
        manifest = {
            **asdict(self.progress),
            "minutes": self.minutes,
            "config": self.config.resolved(),
            "fingerprint": self._fingerprint,
            "figures": self._figures,
        }
        return self.checkpoints.save(Checkpoint(manifest, dict(self._state())))

    # --- beginning ---------------------------------------------------------------------------------------------------

    def _seat(self, player: Player) -> Seat:
        player.module.to(self.team.device).train()
        for parameter in player.module.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return Seat.of(player, self.config)

    def _go_on(self, checkpoint: Checkpoint | None, resume: bool, allow: Collection[str]) -> None:
        if checkpoint is not None and not resume:
            raise StorageError(
                f"{self.folder} holds a run already, at step {checkpoint.manifest['step']}",
                field=str(self.folder),
                hint="go on with --resume, or choose another folder",
            )
        if checkpoint is not None:
            require_same(checkpoint.manifest["fingerprint"], self._fingerprint, allow)
            self._restore(checkpoint)
        self._started = self._clock()

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.progress = Progress(**{name: checkpoint.manifest[name] for name in asdict(self.progress)})
        if not cooldown_due(self.config, self.step, self.progress.minutes):
            self.progress.cooldown_start = None  # the run was given more steps or minutes than it had
        for seat in self.seats:
            prefix = f"{seat.player.name}/"
            own = {k.removeprefix(prefix): v for k, v in checkpoint.tensors.items() if k.startswith(prefix)}
            seat.restore(own)

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        for seat in self.seats:
            for name, tensor in seat.state():
                yield f"{seat.player.name}/{name}", tensor

    # --- the loop ----------------------------------------------------------------------------------------------------

    def _play(self, interrupt: Interrupt) -> End:
        saved, reported = self._clock(), self._clock()
        while (end := self._end()) is None:
            self._step()
            if self.step % self.config.log_every == 0:
                self._tell(self._report(self._means.take(), self._clock() - reported))
                reported = self._clock()
            for callback in self._callbacks:
                callback.stepped(self)
            if agree(interrupt.asked, self.team):
                self._save()
                raise Cancelled(f"stopped after step {self.step}, saved in {self.folder}", hint="go on with --resume")
            if self._clock() - saved > 60 * self.config.checkpoint_minutes:
                self._save()
                saved = self._clock()
        return end

    def _end(self) -> End | None:
        minutes = agree(self.minutes, self.team)
        if self.config.steps is not None and self.step >= self.config.steps:
            return "steps"
        if self.config.max_minutes is not None and minutes >= self.config.max_minutes:
            return "minutes"
        if self.progress.cooldown_start is None and cooldown_due(self.config, self.step, minutes):
            self.progress.cooldown_start = self.step
        return None

    def _step(self) -> None:
        rate = learning_rate(self.config, self.step, self.progress.cooldown_start)
        batch = rows(self._batches(self.step), self.team.rank, self.team.size)
        moved = [self._move(seat, batch, rate) for seat in self.seats]
        self.progress.step += 1
        self._judge(all(moved), rate)

    def _move(self, seat: Seat, batch: Mapping[str, Any], rate: float) -> bool:
        """Let one player learn from the batch; False if its loss or gradient is not finite, and nothing was changed."""
        for other in self.seats:
            other.active(other is seat)
        loss, figures = self._loss(seat.player, batch)
        seat.optimizer.zero_grad()
        loss.backward()
        value, norm = self._share_gradients(seat, loss.detach())
        self._means.add(seat.player.name, {"loss": value, "gradient": norm, **figures})
        if not math.isfinite(value + norm):
            return False
        for group in seat.optimizer.param_groups:
            group["lr"] = rate
        seat.optimizer.step()
        seat.ema.update(self.step + 1)
        return True

    def _loss(self, player: Player, batch: Mapping[str, Any]) -> tuple[Tensor, Mapping[str, float]]:
        torch.manual_seed(derive(self.config.seed, f"{self.step}/{player.name}"))
        mixed = torch.autocast(self.team.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")
        with mixed, whole_batch_draws(self.config.batch_size // self.team.size, self.team):
            return player.loss(batch, self.step)

    def _share_gradients(self, seat: Seat, loss: Tensor) -> tuple[float, float]:
        """Average loss and gradients over the team and clip the gradients; the loss, and the norm before clipping."""
        parameters = list(seat.parameters.values())
        used = anywhere([parameter.grad is not None for parameter in parameters], self.team)
        for parameter, learns in zip(parameters, used, strict=True):
            if learns and parameter.grad is None:  # what only the rows of other processes have learned from
                parameter.grad = torch.zeros_like(parameter)
        average([*(parameter.grad for parameter in parameters if parameter.grad is not None), loss], self.team)
        return loss.item(), torch.nn.utils.clip_grad_norm_(parameters, self.config.grad_clip).item()

    def _judge(self, sound: bool, rate: float) -> None:
        """Count skipped steps, and stop when there are too many in a row."""
        self.progress.skipped += not sound
        self.progress.skipped_in_a_row = 0 if sound else self.progress.skipped_in_a_row + 1
        if self.progress.skipped_in_a_row > self.config.skip_limit:
            raise TrainingError(
                f"the loss or its gradient was not finite at step {self.step} and the {self.config.skip_limit} before, "
                f"at learning rate {rate:.3g}",
                field="lr",
                hint="lower lr or grad_clip and resume from the last sound checkpoint",
            )

    # --- telling and keeping -----------------------------------------------------------------------------------------

    def _save(self) -> Path | None:
        """Save, on the first process; not while the weights are in doubt, so that the last sound checkpoint stays."""
        if not self.team.leads or self.progress.skipped_in_a_row:
            return None
        return self.save()

    def _report(self, figures: Mapping[str, float], seconds: float | None = None) -> Report:
        size = self.config.batch_size
        speed = size * self.config.log_every / seconds if seconds else 0.0
        rate = learning_rate(self.config, max(0, self.step - 1), self.progress.cooldown_start)
        return Report(self.step, self.step * size, self.minutes, rate, figures, speed)

    def _tell(self, report: Report) -> None:
        self._figures |= report.figures
        for callback in self._callbacks:
            callback.reported(self, report)
