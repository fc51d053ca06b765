"""Reports: what the evaluation commands print, field by field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from misen.metrics.class_maps import Agreement
from misen.perception.figures import Figure

Interval = tuple[float, float]


def plain(value: Any) -> Any:
    """``value`` as JSON can say it: reports as objects, and null for what is not a number."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Report:
    """A frozen dataclass that can be printed as one JSON object."""

    def to_json(self) -> dict[str, Any]:
        """Every field by its name."""
        return dict(plain(self))


@dataclass(frozen=True, kw_only=True)
class QualityReport(Report):
    """How good and how varied the pictures of a model are.

    Attributes:
        model: its name.
        n: pictures compared.
        seed: chooses the wishes from the test range.
        wish: the modality that pictures were asked for with, or "" where the model takes none.
        fid_a: Fréchet distance to 10,000 test renders.
        fid_ratio: ``fid_a`` over that of the naive generator at the same n.
        kid_a: kernel distance to test renders, mean over subsets.
        kid_a_std: its standard deviation over subsets.
        is_a_mean: inception score over the avatar types.
        is_a_std: its standard deviation over splits.
        lpips_a_diversity: mean perceptual distance of pictures made for one wish.
        precision_a: share of the pictures that lie among real ones, in features and texture.
        recall_a: share of the real ones that lie among the pictures.
        density_a: real neighbourhoods each picture lies in, over the number expected.
        coverage_a: share of the real neighbourhoods that hold a picture.
        fid_a_real_vs_real: ``fid_a`` of n real renders.
        real: the other figures of these real renders.
        ci95: 95 % intervals by field.
        extractor: name and hash of the network that looked.
        seconds_per_image: time of generation.
    """

    model: str
    n: int
    seed: int
    wish: str
    fid_a: float
    fid_ratio: float
    kid_a: float
    kid_a_std: float
    is_a_mean: float
    is_a_std: float
    lpips_a_diversity: float
    precision_a: float
    recall_a: float
    density_a: float
    coverage_a: float
    fid_a_real_vs_real: float
    real: Mapping[str, float]
    ci95: Mapping[str, Interval]
    extractor: str
    seconds_per_image: float


@dataclass(frozen=True, kw_only=True)
class AdherenceReport(Report):
    """Whether the pictures of a model obey one modality.

    Attributes:
        model: its name.
        modality: what the wishes were.
        route: how they acted.
        strength: how strongly.
        window: in which part of the walk.
        consistency: the options of guidance by consistency, where that was the route.
        n: wishes.
        seed: chooses them from the test range.
        score: the judge's mean figure of the pictures.
        score_ci95: 95 % interval of ``score``.
        oracle: the same of the renderer's own pictures.
        shuffled: the same of the pictures against the wishes of others.
        unguided: the same of pictures made from the same seeds without the wishes, against the wishes.
        unguided_ci95: 95 % interval of ``unguided``.
        normalized: (score - shuffled) / (oracle - shuffled).
        ci95: 95 % interval of ``normalized``.
        realism: precision-A of the pictures, among all real ones of the reference.
        realism_unguided: precision-A of as many pictures made without the wishes.
        fid_a: Fréchet distance of the pictures to test renders; it falls as n grows.
        fid_a_unguided: the same of those made without the wishes.
        fid_a_ratio: ``fid_a`` over ``fid_a_unguided``.
        fid_a_ratio_ci95: 95 % interval of the ratio, paired by picture.
        metric: what the judge measures.
        unit: of ``score``, "" for fractions.
        higher_is_better: direction of ``score``.
        judge: name and hash of the network that judged.
        r_precision: share of pictures that find their own wish among 100, of the renderer's pictures, and by chance;
            for wishes that can be false of others.
        groups: the normalized score of kinds of wishes, with intervals.
        class_maps: for wishes that are maps of parts, how what the judge sees agrees with them pixel by pixel, in the
            pictures and in the renderer's own.
    """

    model: str
    modality: str
    route: str
    strength: float
    window: Interval
    consistency: Mapping[str, Any]
    n: int
    seed: int
    score: float
    score_ci95: Interval
    oracle: float
    shuffled: float
    unguided: float
    unguided_ci95: Interval
    normalized: float
    ci95: Interval
    realism: float
    realism_unguided: float
    fid_a: float
    fid_a_unguided: float
    fid_a_ratio: float
    fid_a_ratio_ci95: Interval
    metric: str
    unit: str
    higher_is_better: bool
    judge: str
    r_precision: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, Figure] = field(default_factory=dict)
    class_maps: Mapping[str, Agreement] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TogetherReport(Report):
    """Whether pictures obey two modalities at once.

    Attributes:
        model: its name.
        n: wishes.
        seed: chooses them from the test range.
        alone: normalized score of each modality by itself.
        together: the same when both guide the same picture.
        loss: ``alone`` - ``together``, paired by picture.
        judge: name and hash of the network that judged.
    """

    model: str
    n: int
    seed: int
    alone: Mapping[str, Figure]
    together: Mapping[str, Figure]
    loss: Mapping[str, Figure]
    judge: str


@dataclass(frozen=True, kw_only=True)
class EditingReport(Report):
    """Whether a method of editing changes what was asked for, and nothing else.

    Each edit asks for one trait of one avatar of the test range to be another one. ``oracle`` holds the figures of the
    renderer's own pictures of the changed avatars, ``control`` those of the pictures encoded and decoded again.

    Attributes:
        model: its name.
        method: how it edits.
        pictures: what it edits: renders, or its own pictures of the avatars' descriptions.
        change: the one change that was asked for, or "" for another one of each avatar.
        n: edits.
        seed: chooses them from the test range.
        success: share of the edits whose trait the judge sees.
        identity: mean cosine of the judge's identities before and after.
        faithful: share of the edits that succeed with an identity of at least .7.
        flipped: mean share of the other visible traits that read differently after.
        psnr_kept: mean PSNR in dB where the renderer's own edit changes no pixel.
        ci95: 95 % intervals by field.
        oracle: the five figures of the renderer.
        control: the five figures of pictures that were not edited.
        traits: success by trait asked for.
        judge: name and hash of the network that judged.
        seconds_per_image: time of editing.
    """

    model: str
    method: str
    pictures: str
    change: str
    n: int
    seed: int
    success: float
    identity: float
    faithful: float
    flipped: float
    psnr_kept: float
    ci95: Mapping[str, Interval]
    oracle: Mapping[str, float]
    control: Mapping[str, float]
    traits: Mapping[str, Figure]
    judge: str
    seconds_per_image: float


@dataclass(frozen=True, kw_only=True)
class DragReport(Report):
    """Whether points that are dragged get where they should be, and nothing changes where nothing may.

    ``oracle`` holds the figures of the renderer's own pictures of the heads as they should be, ``control`` those of the
    pictures encoded and decoded again.

    Attributes:
        model: its name.
        method: how it edits.
        n: edits of renders.
        seed: chooses them from the test range.
        covered: share of the distance to their targets that points have come, of all pictures together; where they
            came no nearer, none.
        outside_lpips_a: mean perceptual distance of the pictures before and after, where nothing may change.
        identity: mean cosine of the judge's identities before and after.
        ci95: 95 % intervals by field.
        oracle: the three figures of the renderer.
        control: the three figures of pictures that were not edited.
        judge: name and hash of the network that judged.
        seconds_per_image: time of editing.
    """

    model: str
    method: str
    n: int
    seed: int
    covered: float
    outside_lpips_a: float
    identity: float
    ci95: Mapping[str, Interval]
    oracle: Mapping[str, float]
    control: Mapping[str, float]
    judge: str
    seconds_per_image: float


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Edits at one value of a dial.

    Attributes:
        value: of the dial.
        figures: the mean of each measure: ``success``, ``identity``, ``faithful`` and ``flipped`` as in
            ``EditingReport``; ``structure``, the IoU of the parts that the judge sees before and after; ``psnr`` in dB,
            ``difference`` (RMS of [-1, 1]) and ``lpips_a`` to the given picture; ``residual``, the RMS of what is
            coarse about the difference; ``realism``, precision-A.
    """

    value: float
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class CurveControl:
    """Edits under options that must do worse.

    Attributes:
        options: these.
        figures: as of a ``CurvePoint``.
        against: the value of the dial that they are compared with.
        gains: by how much each measure is larger there, paired by picture.
    """

    options: Mapping[str, float]
    figures: Mapping[str, Figure]
    against: float
    gains: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class CurveReport(Report):
    """What becomes of pictures as a dial of a method of editing is turned.

    Attributes:
        model: its name.
        method: how it edits.
        pictures: what it edits: renders, or paintings, which are renders with each part in its mean color.
        dial: the option that is turned.
        change: the one change that was asked for, or "" for another one of each avatar.
        n: pictures, each edited at every point.
        seed: chooses avatars and changes.
        points: in the order of the dial.
        trends: by measure, the rank correlation of its means with that order; 1 = it rises at each point.
        control: edits that must do worse, where the method has such.
        judge: name and hash of the network that judged.
        seconds_per_image: time of one edit; what is learned of a picture is learned once for all points.
    """

    model: str
    method: str
    pictures: str
    dial: str
    change: str
    n: int
    seed: int
    points: tuple[CurvePoint, ...]
    trends: Mapping[str, Figure]
    control: CurveControl | None
    judge: str
    seconds_per_image: float


@dataclass(frozen=True, kw_only=True)
class SubjectsReport(Report):
    """Whether a recipe makes a model know subjects, and forget nothing; intervals are over subjects.

    Attributes:
        model: that is tuned, on each subject anew.
        recipe: that tunes it.
        subjects: of the test range.
        pictures: made of each.
        figures: by name; "identity" and "prompts obeyed" lie between chance (0) and the renderer's pictures (1), beside
            them stand the plain cosine and share; "diversity of the class" is a share of the model's before.
        judge: name and hash of the network that judged.
    """

    model: str
    recipe: str
    subjects: int
    pictures: int
    figures: Mapping[str, Figure]
    judge: str


@dataclass(frozen=True, kw_only=True)
class ReconstructionReport(Report):
    """How well a model repeats given pictures.

    Attributes:
        model: its name.
        n: pictures.
        psnr: mean peak signal-to-noise ratio in dB.
        ssim: mean structural similarity.
        lpips_a: mean perceptual distance in the judge's features.
        identity: mean cosine of identities.
        ci95: 95 % intervals by field.
        extractor: name and hash of the network that looked.
    """

    model: str
    n: int
    psnr: float
    ssim: float
    lpips_a: float
    identity: float
    ci95: Mapping[str, Interval]
    extractor: str


@dataclass(frozen=True, kw_only=True)
class InversionReport(ReconstructionReport):
    """How well a model rebuilds given pictures from the states it inverts them to; also what ReconstructionReport says.

    Attributes:
        method: of inversion.
        wish: the modalities that guided, joined by "+", or "".
        steps: length of the walk, or updates of latents.
        guidance_scale: what strength 1 stood for.
        psnr_codec: mean PSNR in dB of the rebuilt pictures to the given ones as encoded and decoded.
        psnr_ceiling: mean PSNR in dB of the pictures as encoded and decoded to the given ones.
        seconds_per_image: time of inverting and rebuilding.
    """

    method: str
    wish: str
    steps: int
    guidance_scale: float
    psnr_codec: float
    psnr_ceiling: float
    seconds_per_image: float


@dataclass(frozen=True, kw_only=True)
class FoldersReport(Report):
    """How alike two folders of pictures are, under torch-fidelity's names with the suffix of our features.

    Attributes:
        real: pictures in the first folder.
        fake: pictures in the second.
        inception_score_a_mean: of the second folder.
        inception_score_a_std: over splits.
        frechet_inception_distance_a: between the folders.
        kernel_inception_distance_a_mean: over subsets.
        kernel_inception_distance_a_std: over subsets.
        sliced_wasserstein_distance: between patches of the pixels, times 1000, mean over the frequency bands.
        precision_a: share of the second folder's pictures that lie among the first's.
        recall_a: share of the first folder's pictures that lie among the second's.
        f_score_a: harmonic mean of the two.
        density_a: as in ``QualityReport``.
        coverage_a: as in ``QualityReport``.
        ci95: 95 % intervals by field.
        extractor: name and hash of the network that looked.
    """

    real: int
    fake: int
    inception_score_a_mean: float
    inception_score_a_std: float
    frechet_inception_distance_a: float
    kernel_inception_distance_a_mean: float
    kernel_inception_distance_a_std: float
    sliced_wasserstein_distance: float
    precision_a: float
    recall_a: float
    f_score_a: float
    density_a: float
    coverage_a: float
    ci95: Mapping[str, Interval]
    extractor: str
