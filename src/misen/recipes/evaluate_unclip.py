"""Places measured: does a prior find them, and do pictures made of them show what they say.

``python -m misen.recipes.evaluate_unclip 500`` measures the shipped model, and every prior that ships, on 500 avatars
of the test range: retrieval by imagined places, pictures made of nothing but a place (a picture's, one imagined by each
prior, or that of the words themselves, which is the control), and the way between two pictures. Pictures are judged by
networks that never steer. Text-difference edits are measured by ``misen evaluate editing --method text-difference``.

Source: Ramesh et al. 2022 (arXiv:2204.06125), sections 3 and 5.1, for what is measured; deviation: a judge that knows
the world takes the place of people.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from misen.assembly import Opened, open_model
from misen.core.seeding import Streams
from misen.core.shapes import Images
from misen.data.world import first_truths
from misen.editing.places import show, slerp
from misen.generators.diffusion.unclip.folder import load_prior
from misen.generators.diffusion.unclip.prior import Prior
from misen.generators.diffusion.unclip.prompts import Prompts
from misen.metrics.fid import fid
from misen.metrics.grader import shipped_grader
from misen.metrics.prior import judge_prior
from misen.metrics.r_precision import r_precision
from misen.metrics.reference import Reference
from misen.nn import weights
from misen.perception import coach, judge
from misen.perception.claims import false_of, ruled_out, shown
from misen.perception.figures import Figure, mean, ratio
from misen.perception.reading import Reading
from misen.perception.text import tokenizer
from misen.recipes.train_joint import LANGUAGES, caption
from misen.scene.attributes import ATTRIBUTES
from misen.scene.language import Caption
from misen.scene.splits import TEST
from misen.synthesis import plan, synthesize

NAME, PRIORS = "avatars/unclip", ("avatars/unclip-prior", "avatars/unclip-prior-autoregressive")
CHUNK = 50
"""Places imagined, and pictures made, together."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the way between two pictures."""


@dataclass(frozen=True)
class Sitters:
    """N avatars with a full caption each, the languages taking turns.

    Attributes:
        images: (N, 3, H, W) renders.
        attributes: (N, 16) value indices.
        visible: (N, 16).
        captions: of each.
        false: (N, N) bool: which captions are false of which avatars.
    """

    images: Images
    attributes: Tensor
    visible: Bool[Tensor, "avatars keys"]
    captions: Sequence[Caption]
    false: Bool[Tensor, "captions avatars"]

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def sentences(self) -> list[str]:
        """The captions' words."""
        return [caption.text for caption in self.captions]


def sitters(count: int) -> Sitters:
    """The first ``count`` avatars of the test range."""
    truths = list(first_truths(TEST, count))
    captions = [
        caption(truth, item, seed, LANGUAGES[item % len(LANGUAGES)], "full")
        for truth in truths
        for item, seed in enumerate(truth.record.seed.tolist())
    ]
    attributes = torch.cat([truth.record.attributes for truth in truths])
    visible = torch.cat([truth.observation.attributes_visible for truth in truths])
    present = shown(attributes, visible, torch.cat([truth.record.camera[:, 0] for truth in truths]))
    images = torch.cat([truth.observation.image for truth in truths])
    return Sitters(images, attributes, visible, captions, false_of(ruled_out(captions), present))


# --- priors ----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def measure_prior(prior: Prior, people: Sitters) -> dict[str, Figure]:
    """Figures by name, in joint embedding A, since places mean nothing anywhere else; see ``judge_prior``."""
    joint = coach.joint()
    seen, wholes = joint.image(people.images), joint.text(people.sentences)
    return judge_prior(partial(imagine, prior, people.sentences), seen, wholes, people.false)


@torch.no_grad()
def imagine(prior: Prior, sentences: Sequence[str], first: int = 0) -> Float[Tensor, "sentences 128"]:
    """(N, 128) places imagined of sentences; the seeds count from ``first``."""
    padded = tokenizer()(list(sentences), padding="max_length", truncation=True, return_tensors="pt").input_ids
    seeds = range(first, first + len(padded))
    parts = [slice(start, start + CHUNK) for start in range(0, len(padded), CHUNK)]
    return torch.cat(
        [prior.imagine(Prompts.read(coach.joint(), padded[part]), prior.draw(Streams(seeds[part]))) for part in parts]
    )


# --- pictures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Painter:
    """A model that makes pictures of places, told nothing else."""

    opened: Opened

    def paint(self, places: Float[Tensor, "places 128"]) -> Images:
        """(N, 3, H, W) pictures by the model's defaults; a picture's seed is its place in the batch."""
        usual, generator = self.opened.defaults, self.opened.generator
        sampler = self.opened.samplers[usual.sampler](usual.steps)
        bare = plan(generator, [], sampler=sampler, encoders={}, energies={}, scale=usual.scale)
        parts = zip(places.split(CHUNK), torch.arange(len(places)).split(CHUNK), strict=True)
        return torch.cat(
            [
                synthesize(show(generator, some, bare), sampler, bare, seeds=seeds.tolist()).images
                for some, seeds in parts
            ]
        )


@torch.no_grad()
def judge_pictures(made: Images, people: Sitters) -> dict[str, Figure]:
    """Figures by name of pictures, one for each avatar.

    ``attributes``: visible ones that the judge reads as they are; ``kept``: that over the same of the renders;
    ``r_precision``: pictures that are nearer to their own caption than to 99 false ones, in joint embedding B;
    ``fid_a``; ``lpips_a``: the perceptual distance to the render of the avatar.
    """
    grader, joint = shipped_grader(), judge.joint()
    right, oracle = (_right(pictures, people) for pictures in (made, people.images))
    reference = Reference.load(weights.shipped("reference"), grader.name)
    near = torch.cat([joint.image(some) for some in made.split(CHUNK)]) @ joint.text(people.sentences).T
    lpips = grader.lpips()
    apart = [lpips(one, two) for one, two in zip(made.split(CHUNK), people.images.split(CHUNK), strict=True)]
    return {
        "attributes": ratio(right, people.visible),
        "kept": ratio(right, oracle),
        "r_precision": mean(r_precision(near, people.false.T)),
        "fid_a": fid(reference.moments, grader.survey(made).features),
        "lpips_a": mean(torch.cat(apart)),
    }


def _right(images: Images, people: Sitters) -> Bool[Tensor, "avatars keys"]:
    """(N, 16) bool: visible attributes that the judge reads as they are."""
    return (_read(images) == people.attributes) & people.visible


@torch.no_grad()
def _read(images: Images) -> Tensor:
    """(N, 16) the likeliest value of each attribute."""
    look = judge.observer()
    return torch.cat([_likeliest(look(some)) for some in images.split(CHUNK)])


def _likeliest(reading: Reading) -> Tensor:
    return torch.stack([reading.log_probability(column).argmax(1) for column in range(len(ATTRIBUTES))], 1)


@torch.no_grad()
def judge_interpolations(painter: Painter, people: Sitters) -> dict[str, Figure]:
    """By share of the way from each avatar to the next: attributes of the next, where the two differ, that are seen."""
    seen = coach.joint().image(people.images)
    others, following = seen.roll(-1, 0), people.attributes.roll(-1, 0)
    differ = (people.attributes != following) & people.visible & people.visible.roll(-1, 0)
    arrived = {share: _read(painter.paint(slerp(seen, others, share))) == following for share in SHARES}
    return {f"arrived at {share:g}": ratio(there & differ, differ) for share, there in arrived.items()}


def evaluate(people: Sitters) -> Iterator[tuple[str, Mapping[str, Figure]]]:
    """What was looked at, and its figures."""
    painter, joint = Painter(open_model(NAME)), coach.joint()
    with torch.no_grad():
        places = {"variation": joint.image(people.images), "words as places": joint.text(people.sentences)}
    for name in (name for name in PRIORS if (weights.SHIPPED / name).is_dir()):
        prior = load_prior(weights.shipped(name))
        yield name, measure_prior(prior, people)
        places[f"pictures by {name}"] = imagine(prior, people.sentences)
    for name, some in places.items():
        yield name, judge_pictures(painter.paint(some), people)
    yield "interpolation", judge_interpolations(painter, people)


def main(count: str = "500") -> None:
    """Print every figure, as soon as it is known."""
    for title, figures in evaluate(sitters(int(count))):
        sys.stdout.writelines(f"{title:44s} {name:14s} {figure}\n" for name, figure in figures.items())
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
