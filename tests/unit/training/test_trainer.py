import json

import pytest
import torch
from torch import nn

from misen.core.errors import Cancelled, ConfigError, StorageError, TrainingError
from misen.core.generator import Player
from misen.training import Callback, CheckpointFolder, Evaluation, JsonLines, Trainer
from misen.training.config import parse_config


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def stepped(self, trainer):
        if trainer.step == self.step:
            trainer.save()
            raise KeyboardInterrupt


def test_players_follow_the_protocol(game):
    assert all(isinstance(player.name, str) and isinstance(player.module, nn.Module) for player in game.players())
    assert Player.__name__ == "Player"


def test_a_run_learns_and_tells(game, tmp_path):
    outcome = game.trainer(tmp_path, callbacks=[JsonLines(tmp_path / "log.jsonl")]).run()
    assert (outcome.step, outcome.samples, outcome.reason) == (12, 96, "steps")
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == list(range(1, 13))
    assert {"maker.loss", "maker.gradient", "maker.spread", "critic.loss", "lr", "minutes"} <= set(log[0])
    assert outcome.checkpoint.exists()


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_resume_is_bit_identical_at_any_step(game, tmp_path, stop):
    game.trainer(tmp_path / "whole").run()
    with pytest.raises(KeyboardInterrupt):
        game.trainer(tmp_path / "parts", callbacks=[StopAt(stop)]).run()
    torch.manual_seed(999)
    game.trainer(tmp_path / "parts").run(resume=True)
    assert game.state_hash(tmp_path / "parts") == game.state_hash(tmp_path / "whole")


def test_resume_is_bit_identical_in_bf16(game, tmp_path):
    game.trainer(tmp_path / "whole", "precision=bf16").run()
    with pytest.raises(KeyboardInterrupt):
        game.trainer(tmp_path / "parts", "precision=bf16", callbacks=[StopAt(6)]).run()
    game.trainer(tmp_path / "parts", "precision=bf16").run(resume=True)
    assert game.state_hash(tmp_path / "parts") == game.state_hash(tmp_path / "whole")


def test_another_seed_is_another_run(game, tmp_path):
    game.trainer(tmp_path / "a").run()
    game.trainer(tmp_path / "b", "seed=1").run()
    assert game.state_hash(tmp_path / "a") != game.state_hash(tmp_path / "b")


def test_a_finished_run_is_not_repeated(game, tmp_path):
    first = game.trainer(tmp_path).run()
    before = first.checkpoint.read_bytes()
    second = game.trainer(tmp_path).run(resume=True)
    assert second.step == 12
    assert second.checkpoint.read_bytes()[-64:] == before[-64:]


def test_a_folder_with_a_run_is_not_overwritten(game, tmp_path):
    game.trainer(tmp_path).run()
    with pytest.raises(StorageError, match="step 12"):
        game.trainer(tmp_path).run()


def test_another_configuration_is_refused_with_every_differing_key(game, tmp_path):
    game.trainer(tmp_path).run()
    with pytest.raises(ConfigError) as caught:
        game.trainer(tmp_path, "lr=0.1", "ema=0.5", "steps=20", "model.width=3").run(resume=True)
    assert all(f"{key}: " in str(caught.value) for key in ("lr", "ema", "steps", "model.width"))
    assert "--allow ema --allow lr --allow model.width --allow steps" in str(caught.value)
    allowed = game.trainer(tmp_path, "lr=0.1", "steps=20").run(resume=True, allow={"lr", "steps"})
    assert allowed.step == 20


def test_what_does_not_change_the_result_may_change(game, tmp_path):
    game.trainer(tmp_path).run()
    game.trainer(tmp_path, "log_every=3", "max_minutes=9", "keep=5").run(resume=True)


def test_other_data_and_code_are_refused(game, tmp_path, monkeypatch):
    class Data:
        fingerprint = "first"

        def __call__(self, step):
            return game.batches(step)

    def trainer(data):
        return Trainer(game.players(), data, game.configure(), folder=tmp_path)

    trainer(Data()).run()
    other = Data()
    other.fingerprint = "second"
    with pytest.raises(ConfigError, match=r"data.fingerprint: first -> second"):
        trainer(other).run(resume=True)
    monkeypatch.setattr("misen.training.fingerprint._file_hash", lambda module: "0" * 64)
    with pytest.raises(ConfigError, match=r"code.game: "):
        trainer(Data()).run(resume=True)
    trainer(Data()).run(resume=True, allow={"code"})


class Fragile:
    """A player whose loss is NaN at some steps."""

    name = "fragile"

    def __init__(self, bad):
        torch.manual_seed(0)
        self.module, self.bad = nn.Linear(2, 1), bad

    def loss(self, batch, step):
        loss = self.module(batch["x"]).square().mean()
        return loss * (float("nan") if step in self.bad else 1.0), {}


def fragile(tmp_path, bad, *overrides):
    config = parse_config('name = "x"\nsteps = 20\nbatch_size = 4\nskip_limit = 2', "x.toml", overrides)
    return Trainer([Fragile(bad)], lambda step: {"x": torch.ones(4, 2)}, config, folder=tmp_path)


def test_a_rare_nan_is_skipped(tmp_path):
    trainer = fragile(tmp_path, {3, 4, 9})
    outcome = trainer.run()
    assert (outcome.step, outcome.skipped) == (20, 3)
    assert all(p.isfinite().all() for p in trainer.seats[0].player.module.parameters())


def test_lasting_nan_stops_and_keeps_the_last_sound_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match=r"at step 9 .* learning rate"):
        fragile(tmp_path, range(6, 20), "checkpoint_minutes=1e-9").run()
    newest = CheckpointFolder(tmp_path / "checkpoints").newest()
    assert newest.manifest["step"] == 6
    assert all(tensor.isfinite().all() for tensor in newest.tensors.values())


def test_an_absurd_learning_rate_stops_with_its_name(game, tmp_path):
    with pytest.raises(TrainingError, match=r"learning rate 1e\+3"):
        fragile_explodes(tmp_path).run()


def fragile_explodes(tmp_path):
    config = parse_config('name = "x"\nsteps = 50\nbatch_size = 4\nlr = 1e30\nwarmup = 0\nskip_limit = 2')
    return Trainer([Fragile(())], lambda step: {"x": torch.ones(4, 2)}, config, folder=tmp_path)


def test_minutes_end_a_run_and_the_rate_falls_before(game, tmp_path):
    ticks = iter(range(10**6))
    trainer = game.trainer(tmp_path, "steps=1000", "max_minutes=3.0", clock=lambda: float(next(ticks)))
    outcome = trainer.run()
    assert outcome.reason == "minutes"
    assert 0 < trainer.progress.cooldown_start < outcome.step < 1000
    again = game.trainer(tmp_path, "steps=1000", "max_minutes=3.0").run(resume=True)
    assert again.step == outcome.step


class Rates(Callback):
    """Remembers the learning rate of every step, in units of its height."""

    def __init__(self, height):
        self.height, self.seen = height, []

    def reported(self, trainer, report):
        self.seen.append(report.lr / self.height)


@pytest.mark.parametrize("stop", [11, None])
def test_a_run_that_is_given_more_steps_cools_down_when_those_are_spent(game, tmp_path, stop):
    first, second = Rates(game.configure().lr), Rates(game.configure().lr)
    if stop:
        with pytest.raises(KeyboardInterrupt):
            game.trainer(tmp_path, callbacks=[first, StopAt(stop)]).run()
    else:
        game.trainer(tmp_path, callbacks=[first]).run()
    longer = game.trainer(tmp_path, "steps=40", callbacks=[second])
    longer.run(resume=True, allow={"steps"})
    assert first.seen[-1] < first.seen[8] == 1  # steps count from 0, and the cooldown of 12 of them begins with 9
    begin = longer.progress.cooldown_start - (stop or 12)
    assert longer.progress.cooldown_start == 30
    assert second.seen[: begin + 1] == [1] * (begin + 1)
    assert second.seen[begin:] == sorted(second.seen[begin:], reverse=True)
    assert second.seen[-1] == pytest.approx(0.1)


def test_a_run_that_is_given_more_minutes_forgets_its_cooldown(game, tmp_path):
    def clock():
        ticks = iter(range(10**6))
        return lambda: float(next(ticks))

    game.trainer(tmp_path, "steps=1000", "max_minutes=3.0", clock=clock()).run()
    rates = Rates(game.configure().lr)
    longer = game.trainer(tmp_path, "steps=1000", "max_minutes=9.0", callbacks=[rates], clock=clock())
    outcome = longer.run(resume=True)
    assert rates.seen[0] == 1
    assert rates.seen[-1] < 0.5
    assert longer.progress.cooldown_start > outcome.step / 2


def test_a_run_stopped_in_its_cooldown_goes_on_cooling(game, tmp_path):
    whole, rest = Rates(game.configure().lr), Rates(game.configure().lr)
    game.trainer(tmp_path / "whole", callbacks=[whole]).run()
    with pytest.raises(KeyboardInterrupt):
        game.trainer(tmp_path / "parts", callbacks=[StopAt(10)]).run()
    resumed = game.trainer(tmp_path / "parts", callbacks=[rest])
    resumed.run(resume=True)
    assert resumed.progress.cooldown_start == 9
    assert rest.seen == whole.seen[10:]
    assert game.state_hash(tmp_path / "parts") == game.state_hash(tmp_path / "whole")


def test_an_interrupt_saves_and_says_so(game, tmp_path):
    import signal

    class Ask(Callback):
        def stepped(self, trainer):
            if trainer.step == 4:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Cancelled, match="step 4"):
        game.trainer(tmp_path, callbacks=[Ask()]).run()
    game.trainer(tmp_path).run(resume=True)
    game.trainer(tmp_path / "whole").run()
    assert game.state_hash(tmp_path) == game.state_hash(tmp_path / "whole")


def test_the_log_of_a_continued_run_has_no_repetitions(game, tmp_path):
    log = tmp_path / "log.jsonl"
    game.trainer(tmp_path, "steps=6").run()
    log.write_text("".join(json.dumps({"step": step}) + "\n" for step in range(1, 10)) + '{"step": 1')
    game.trainer(tmp_path, callbacks=[JsonLines(log)]).run(resume=True, allow={"steps"})
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 13))


def test_evaluation_sees_averaged_weights_and_does_not_disturb(game, tmp_path):
    seen = []
    trainer = game.trainer(tmp_path / "measured")

    def measure(step):
        module = trainer.seats[0].player.module
        seen.append(torch.equal(module.entrance.weight, trainer.seats[0].ema.averages["entrance.weight"]))
        return {"answer": torch.rand(()).item()}

    trainer._callbacks = (Evaluation(measure, minutes=0.0),)
    outcome = trainer.run()
    game.trainer(tmp_path / "alone").run()
    assert all(seen)
    assert len(seen) >= 2
    assert {"maker.loss", "evaluation.answer"} <= set(outcome.figures)
    assert game.state_hash(tmp_path / "measured") == game.state_hash(tmp_path / "alone")


def test_only_the_player_who_moves_learns(game, tmp_path):
    trainer = game.trainer(tmp_path, "steps=1")
    trainer.run()
    critic, maker = (seat.player.module for seat in trainer.seats)
    assert all(p.requires_grad for p in maker.parameters())
    assert not any(p.requires_grad for p in critic.parameters())


def test_frozen_parameters_stay(tmp_path):
    player = Fragile(())
    player.module.bias.requires_grad_(False)
    bias = player.module.bias.clone()
    config = parse_config('name = "x"\nsteps = 3\nbatch_size = 4')
    Trainer([player], lambda step: {"x": torch.ones(4, 2)}, config, folder=tmp_path).run()
    assert torch.equal(player.module.bias, bias)
