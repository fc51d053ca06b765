"""How good a style-based generator is, drawn from and rebuilding.

``python -m misen.recipes.evaluate_gan 500`` prints the shipped generator's figures on 500 pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from misen.assembly import open_model
from misen.core.seeding import Streams
from misen.core.shapes import Images, PerItem
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks
from misen.generators.gan.samplers import Walk
from misen.metrics.fid import Moments, fid, frechet_distance
from misen.metrics.grader import Grader, shipped_grader
from misen.metrics.lpips import Lpips, pairwise_diversity
from misen.metrics.path_length import arc, path_lengths
from misen.metrics.reference import Reference
from misen.metrics.trend import trend
from misen.nn import weights
from misen.perception.figures import mean
from misen.recipes.train_autoencoder import Figures, evaluate, fidelity, lines
from misen.recipes.train_tiny_decoder import gflop
from misen.synthesis import plan, synthesize

NAME = "avatars/gan"
MEASURED = 500
"""Pictures that the card's figures come from."""
CHUNK = 50
"""Pictures made together."""
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Of truncation, from nearly typical pictures to those that were drawn."""
ALIKE = 4
"""Pictures whose mean distance is a diversity."""


def rebuild(generator: StyleGenerator, images: Images) -> Images:
    """Pictures as the generator shows what its encoder sees in them."""
    return generator.finish(generator.restart(generator.encode(images), None, Streams(range(len(images)))))


def drawn(generator: StyleGenerator, count: int) -> Iterator[Images]:
    """Pictures of the seeds from 0 on, some at a time."""
    for start in range(0, count, CHUNK):
        seeds = range(start, min(count, start + CHUNK))
        yield generator.finish(generator.start(len(seeds), Streams(seeds)))


def measure(generator: StyleGenerator, count: int) -> Figures:
    """What can be told without the judge: fidelity of rebuilt test renders, and billions of operations per picture."""
    networks = generator.networks
    point, noise = networks.spread(networks.mapping.mean[None]), networks.silence(1)
    picture = torch.zeros(1, 3, generator.size, generator.size)
    cost = {
        "gflop": gflop(lambda: networks.synthesis(point, noise)),
        "gflop_encoder": gflop(lambda: networks.encoder(picture)),
    }
    return {**evaluate(lambda images: rebuild(generator, images), count), "cost": cost}


def watch(generator: StyleGenerator, pictures: Images, *, with_judge: bool) -> Mapping[str, float]:
    """Figures to follow: fidelity of rebuilt pictures, and how far as many drawn ones are from real ones."""
    figures = {"psnr": fidelity(lambda images: rebuild(generator, images), pictures).mean().item()}
    if not with_judge:
        return figures
    grader, reference = referee()
    seen = _seen(grader, generator, len(pictures))
    return {**figures, "fid_a": frechet_distance(reference.moments, Moments.of(seen))}


def judged(generator: StyleGenerator, count: int) -> Figures:
    """What the judge says of ``count`` drawn pictures, and how fast pictures change between latents."""
    grader, reference = referee()
    distance, naive = fid(reference.moments, _seen(grader, generator, count)), reference.naive_distance(count)
    ends = {"ratio_low": distance.low / naive, "ratio_high": distance.high / naive}
    beside = {"real": reference.real_distance(count), "ratio": distance.value / naive, **ends}
    paths = path_figures(generator.networks, grader.lpips(), count)
    return {"fid_a": {**asdict(distance), **beside}, **paths, **truncation(generator, grader.lpips(), count)}


def referee() -> tuple[Grader, Reference]:
    """The shipped judge, and what it compares with."""
    grader = shipped_grader()
    return grader, Reference.load(weights.shipped("reference"), grader.name)


def _seen(grader: Grader, generator: StyleGenerator, count: int) -> Tensor:
    """(count, D) features of drawn pictures."""
    return torch.cat([grader.survey(images).features for images in drawn(generator, count)])


def truncation(generator: StyleGenerator, lpips: Lpips, count: int) -> Figures:
    """How diverse pictures of ``count`` seeds are at each share of truncation, and whether each share adds to it.

    The trend is the rank correlation of diversities with shares; 1 = they rise at each.
    """
    groups = torch.arange(count - count % ALIKE).split(ALIKE)
    found = [[_diversity(generator, lpips, seeds.tolist(), share) for share in SHARES] for seeds in groups]
    diversities = torch.tensor(found)
    means = {f"diversity_{share:g}": mean(column) for share, column in zip(SHARES, diversities.T, strict=True)}
    return {name: asdict(figure) for name, figure in {**means, "diversity_trend": trend(diversities)}.items()}


def _diversity(generator: StyleGenerator, lpips: Lpips, seeds: Sequence[int], share: float) -> float:
    """The mean distance between pictures of some seeds, nearer to what is typical."""
    sampler = Walk(1)
    plain = plan(generator, [], sampler=sampler, encoders={}, energies={}, scale=share)
    return float(pairwise_diversity(lpips.embed(synthesize(generator, sampler, plain, seeds=seeds).images)))


@torch.no_grad()
def path_figures(networks: StyleNetworks, lpips: Lpips, count: int) -> Figures:
    """Perceptual path lengths of ``count`` full ways in z and in w."""
    chance = torch.Generator().manual_seed(0)
    ends = torch.randn(count, 2, networks.settings.draws, generator=chance)
    shares = torch.rand(count, generator=chance)
    parts = zip(ends.split(CHUNK), shares.split(CHUNK), strict=True)
    around, across = zip(*(_paths(networks, lpips, *part) for part in parts), strict=True)
    return {"path_length_z": asdict(mean(torch.cat(around))), "path_length_w": asdict(mean(torch.cat(across)))}


def _paths(networks: StyleNetworks, lpips: Lpips, ends: Tensor, share: PerItem) -> tuple[PerItem, PerItem]:
    """Lengths of some ways in z and in w, between the same ends (B, 2, draws)."""

    def show(latents: Tensor) -> Images:
        image: Tensor = networks.synthesis(networks.spread(latents), networks.silence(len(latents)))
        return image

    first, second = ends.unbind(1)
    around = path_lengths(lambda z: show(networks.mapping(z)), lpips, first, second, share, arc)
    return around, path_lengths(show, lpips, networks.mapping(first), networks.mapping(second), share)


def main(count: str = str(MEASURED)) -> None:
    """Print the shipped generator's figures."""
    generator: Any = open_model(NAME).generator
    with torch.no_grad():
        sys.stdout.writelines(lines({**measure(generator, int(count)), **judged(generator, int(count))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
