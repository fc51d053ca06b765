"""The few-step student of the diffusion model: the same network, tuned to foresee the end of its teacher's way."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from misen.codecs import shipped
from misen.core.registry import lookup
from misen.data.cache import CachedWorld
from misen.generators.diffusion import folder as files
from misen.generators.diffusion.consistency import ConsistencyPlayer, Curriculum
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.nn import weights
from misen.recipes.shipping import card_of, rewritten
from misen.recipes.train_diffusion import ConditionedBatches, Entrance, Sampling, cached_latents
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        shares: by modality, how often each condition is given relative to the others; 1 for those left out.
        teacher: the model that is followed, and that the student begins as.
        curriculum: how far apart the times are at which the student has to agree with itself.
        defaults: what a caller need not say; the teacher's guidance is the student's own, so its scale is 1.
    """

    shares: dict[str, float] = field(default_factory=dict)
    teacher: str = "avatars/diffusion"
    curriculum: Curriculum = field(default_factory=Curriculum)
    defaults: Sampling = field(default_factory=lambda: Sampling("consistency", 4, 1.0))


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies.

    Attributes:
        cache: folder of a cache.
        latents: folder where its latents are kept; the run's own if empty.
    """

    cache: str
    latents: str = ""


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Tune a student of the teacher that ships, and ship it as ``config.name``."""
    settings, data = config.section("model", Settings), config.section("data", Data)
    world, source = CachedWorld(data.cache), weights.shipped(settings.teacher)
    teacher = files.load(source)
    student = enrolled(teacher)
    scale = float(teacher.card["guidance_scale"])
    player = ConsistencyPlayer(student.denoiser, teacher.denoiser, teacher.schedule, scale, settings.curriculum)
    codec = weights.read_card(weights.shipped(shipped.AUTOENCODER))["sha256"]
    kept = Path(data.latents) if data.latents else folder
    latents = cached_latents(teacher, world, kept / f"latents-{codec[:8]}-{world.fingerprint[:8]}.npy")
    batches = ConditionedBatches(world, latents, entrances(teacher, settings.shares), config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"family": "diffusion", "data": {"cache": world.fingerprint}, **asdict(settings.defaults)}
        student.card.update(card_of(student.denoiser, config.name, config, outcome, facts))
        with rewritten(config.name) as target:
            files.save(student, target)
    return outcome


def entrances(teacher: DiffusionGenerator, shares: Mapping[str, float]) -> dict[str, Entrance]:
    """How each modality enters the teacher, and so its student; raises ``NotFoundError`` for one that does not."""
    for name in shares:
        lookup("port", name, teacher.ports)
    return {name: Entrance(port.layout, shares.get(name, 1.0)) for name, port in teacher.ports.items()}


def enrolled(teacher: DiffusionGenerator) -> DiffusionGenerator:
    """A generator that begins as ``teacher``: with a denoiser of its own, and without a card."""
    denoiser = copy.deepcopy(teacher.denoiser).requires_grad_(True).train()
    return DiffusionGenerator(denoiser, teacher.autoencoder, teacher.tiny, companions=teacher.companions)
