"""Drags: what is said of them, what pulls on a picture of one blob, and how much of a way is found to be covered."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from misen.core.errors import FormatError, InputError, LimitError
from misen.core.view import View
from misen.modalities.drag.encoder import DragEncoder
from misen.modalities.drag.energy import DragEnergy
from misen.modalities.drag.judge import DragJudge
from misen.modalities.drag.signal import MOST, SHORTEST, Drag
from misen.modalities.drag.tracking import around, follow, take
from misen.scene.anatomy import LANDMARKS
from misen.scene.observe import observe

SIZE = 64
WAY = ((0.25, 0.5), (0.5, 0.5))


def blob(places: Tensor, size: int = SIZE) -> Tensor:
    """(B, 3, size, size) pictures of a coloured blob at places (B, 2), differentiable in them."""
    axis = (torch.arange(size) + 0.5) / size
    squares = (axis - places[:, :1]).square()[:, None, :] + (axis - places[:, 1:]).square()[:, :, None]
    height = torch.exp(-squares / (2 * 0.05**2))
    return torch.stack((height, -height, 2 * height.square()), dim=1) - 0.5


def eye(landmarks: Tensor | None = None):
    """Sees pixels as features."""
    seen = torch.full((1, 32, 2), 0.5) if landmarks is None else landmarks
    return lambda images: SimpleNamespace(landmarks=seen.expand(len(images), -1, -1), pyramid=(2 + images,))


def test_words_lists_and_json_say_the_same() -> None:
    spoken, listed = Drag.parse("0.25,0.5:0.5,0.5; 0.1,0.1:0.2,0.3"), Drag([WAY, ((0.1, 0.1), (0.2, 0.3))])
    assert spoken.to_json() == listed.to_json() == Drag.from_json(listed.to_json()).to_json()
    assert listed.given.sum() == 2
    assert listed.describe() == ["what is at 0.25,0.50 to 0.50,0.50; what is at 0.10,0.10 to 0.20,0.30"]
    named = Drag.from_json([{"ways": [WAY], "landmarks": ["chin"]}])
    assert named.landmarks[0, 0] == LANDMARKS.index("chin")
    assert named.describe() == ["chin at 0.25,0.50 to 0.50,0.50"]
    assert Drag([]).describe() == ["nothing"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("0.5,0.8", "a drag must be x0,y0:x1,y1"),
        ("0.5:0.8", "a drag must be x0,y0:x1,y1"),
        ("a,b:c,d", "a drag must be x0,y0:x1,y1, got 'a,b:c,d'"),
        ("", "a drag must be x0,y0:x1,y1, got ''"),
        ("1.5,0.8:0.5,0.5", "a drag begins outside the picture: 1.5,0.8"),
        ("0.5,0.8:0.5,-3", "a drag ends outside the picture: 0.5,-3"),
        ("0.5,nan:0.5,0.5", "a drag begins at what is not a number: 0.5,nan"),
        ("0.5,0.5:0.5,0.5", "a drag ends where it begins: 0.5,0.5"),
    ],
)
def test_mistakes_are_one_clear_line(argument: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Drag.parse(argument)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_are_checked() -> None:
    with pytest.raises(LimitError, match=f"the limit is {MOST}"):
        Drag([WAY] * (MOST + 1))
    with pytest.raises(InputError, match=r"there is no landmark 'chim'. did you mean 'chin'"):
        Drag([WAY], ["chim"])
    with pytest.raises(InputError, match="1 drags have 2 landmarks"):
        Drag([WAY], ["chin", None])
    with pytest.raises(InputError, match="drags must be a list of ways, got str"):
        Drag("0.5,0.5")
    with pytest.raises(FormatError, match="each item must be"):
        Drag.from_json([{"from": [0, 0]}])
    with pytest.raises(FormatError, match="mask"):
        Drag.from_json([{"ways": [WAY], "mask": "no picture"}])


def test_a_mask_says_what_may_change_and_is_kept() -> None:
    half = torch.zeros(1, 1, 32, 32)
    half[..., :16] = 1
    masked = Drag([WAY]).within(half)
    assert masked.mask[0, 0, :, :30].eq(1).all()
    assert masked.mask[0, 0, :, 34:].eq(0).all()
    again = Drag.from_json(masked.to_json())
    assert torch.equal(again.mask, masked.mask)
    assert torch.equal(Drag([WAY], mask=half).mask, masked.mask)
    assert Drag([WAY]).to_json()[0]["mask"] is None


def test_observed_drags_end_where_visible_landmarks_are(truth) -> None:
    seeds = torch.arange(len(truth))
    signal = Drag.observe(truth, seeds)
    assert signal.given.any(1).float().mean() > 0.8
    assert signal.given.sum(1).unique().tolist()[-1] == 3
    rows, columns = signal.given.nonzero().T
    which = signal.landmarks[rows, columns]
    assert truth.observation.landmarks_visible[rows, which].all()
    assert torch.equal(signal.targets[rows, columns], truth.observation.landmarks[rows, which])
    length = (signal.targets - signal.handles).norm(dim=2)[signal.given]
    assert length.min() >= SHORTEST
    assert length.max() < 0.5
    assert signal.landmarks[~signal.given].eq(-1).all()


def test_observed_drags_begin_where_the_heads_were_before(truth) -> None:
    signal, before = Drag.observe(truth, torch.arange(len(truth))), Drag.before(truth.record)
    assert torch.equal(before.identity, truth.record.identity)
    turn = (before.camera - truth.record.camera)[:, :3].abs()
    assert turn.max() <= torch.pi / 4 / 3 + 1e-6
    assert not torch.equal(before.expression, truth.record.expression)
    rows, columns = signal.given.nonzero().T
    there = observe(before, 64).landmarks[rows, signal.landmarks[rows, columns]]
    assert torch.allclose(signal.handles[rows, columns], there, atol=1e-5)


def test_the_length_of_a_wish_is_the_mean_of_its_ways() -> None:
    assert Drag([WAY, ((0.1, 0.1), (0.4, 0.5))]).lengths().item() == pytest.approx(0.375)
    assert Drag([]).lengths().item() == 0


def test_a_preview_shows_both_ends_the_way_and_what_is_locked() -> None:
    half = torch.ones(1, 1, SIZE, SIZE)
    half[..., :8] = 0
    picture = Drag([WAY]).within(half).preview(SIZE)[0]
    red, blue, middle, empty, locked = (picture[:, 32, x] for x in (16, 32, 24, 60, 2))
    assert red[0] > blue[0]
    assert blue[2] > red[2]
    assert middle.eq(1).all()
    assert empty.eq(-1).all()
    assert -1 < locked[0] < 0


def test_tokens_tell_which_from_where_and_where_to() -> None:
    encoder, signal = DragEncoder(), Drag([WAY, ((0.0, 1.0), (1.0, 0.0))], ["chin", None])
    condition = encoder.encode(signal, "tokens")
    assert condition.value.shape == (1, MOST, encoder.width("tokens"))
    assert condition.mask.sum() == 2
    chin, other = condition.value[0, :2]
    assert chin[:32].argmax() == LANDMARKS.index("chin")
    assert chin[32:].tolist() == [-0.5, 0.0, 0.0, 0.0]
    assert other.tolist() == [*[0.0] * 32, -1.0, 1.0, 1.0, -1.0]
    assert not encoder.encode(Drag([]), "tokens").present


def test_points_are_followed_and_stay_where_everything_is_alike() -> None:
    start = torch.tensor([[[0.3, 0.4]]])
    maps, moved = blob(start[:, 0], 32), blob(start[:, 0] + torch.tensor([2 / 32, -1 / 32]), 32)
    found = follow(moved, take(maps, start), start, 3)
    assert ((found - start)[0, 0] * 32).tolist() == pytest.approx([2, -1], abs=0.01)
    flat = torch.ones(1, 3, 32, 32)
    assert torch.allclose(follow(flat, take(flat, start), start, 3), start)
    assert around(1).tolist()[0] == [-1.0, -1.0]
    assert len(around(3, 0.5)) == 13**2


def test_following_the_gradient_brings_the_blob_to_its_target() -> None:
    place = torch.tensor([WAY[0]])
    disagreement = DragEnergy(eye()).begin(Drag([WAY]), View(blob(place)))
    values = []
    for _ in range(60):
        free = place.clone().requires_grad_()
        value = disagreement(View(blob(free)))
        values.append(float(value.detach()))
        [gradient] = torch.autograd.grad(value.sum(), free)
        place = place - value.detach() * gradient / gradient.square().sum().clamp_min(1e-8)
    assert (place - torch.tensor([WAY[1]])).norm() < 0.3 * 0.25  # at least 70 % of the way
    assert values[-1] < 0.5 * values[0]


def test_features_of_the_generator_are_followed_where_it_shows_them() -> None:
    blind = lambda images: SimpleNamespace(landmarks=torch.zeros(1, 32, 2), pyramid=None)  # noqa: E731
    free = torch.tensor([WAY[0]], requires_grad=True)
    asked = []
    view = View(torch.zeros(1, 3, SIZE, SIZE), features=lambda name: asked.append(name) or blob(free, 32))
    value = DragEnergy(blind).begin(Drag([WAY]), view)(view)
    [gradient] = torch.autograd.grad(value.sum(), free)
    assert value > 0
    assert gradient[0, 0] < 0  # to the right
    assert set(asked) == {str(SIZE // 2)}


def test_the_energy_is_zero_at_the_target_and_for_no_wish() -> None:
    there = torch.full((1, 32, 2), 0.5)
    named, view = Drag([WAY], ["chin"]), View(blob(torch.tensor([WAY[1]])))
    assert DragEnergy(eye(there)).begin(named, view)(view) == 0
    assert DragEnergy(eye()).begin(Drag([]), view)(view) == 0


def test_changes_outside_the_mask_cost() -> None:
    right = torch.zeros(1, 1, SIZE, SIZE)
    right[..., SIZE // 2 :] = 1
    before, after = (blob(torch.tensor([place])) for place in ((0.2, 0.5), (0.2, 0.6)))
    free, locked = (DragEnergy(eye()).begin(signal, View(before)) for signal in (Drag([]), Drag([]).within(right)))
    assert free(View(after)) == 0
    assert locked(View(after)) > 0
    assert locked(View(before)) == 0


def test_named_points_are_sought_in_the_picture() -> None:
    elsewhere = torch.full((1, 32, 2), 0.7)
    view = View(blob(torch.tensor([(0.7, 0.7)])))
    motion = DragEnergy(eye(elsewhere)).begin(Drag([WAY, WAY], ["chin", None]), view)
    assert motion.handles[0, :2].tolist() == [pytest.approx([0.7, 0.7]), pytest.approx([0.25, 0.5])]


def test_the_judge_measures_the_way_of_landmarks_in_one_picture() -> None:
    seen = torch.full((1, 32, 2), 0.5)
    seen[0, :, 0] = 0.45
    images = torch.zeros(1, 3, SIZE, SIZE)
    assert DragJudge(eye(seen)).score(images, Drag([WAY], ["chin"])).item() == pytest.approx(0.8)
    assert DragJudge(eye(seen - 0.4)).score(images, Drag([WAY], ["chin"])) == 0  # it went the other way
    assert DragJudge(eye(seen)).score(images, Drag([WAY])).isnan()


@pytest.mark.parametrize(("end", "covered"), [(0.25, 0.0), (0.375, 0.5), (0.5, 1.0), (0.125, 0.0)])
def test_the_judge_finds_anything_in_two_pictures(end: float, covered: float) -> None:
    before, after = (blob(torch.tensor([(x, 0.5)])) for x in (0.25, end))
    assert DragJudge(eye()).compare(before, after, Drag([WAY])).item() == pytest.approx(covered, abs=0.05)


def test_the_judge_compares_named_points_by_what_it_sees() -> None:
    looks = iter([torch.full((1, 32, 2), 0.25), torch.full((1, 32, 2), 0.5)])
    judge = DragJudge(lambda images: SimpleNamespace(landmarks=next(looks), pyramid=(2 + images,)))
    image = blob(torch.tensor([(0.5, 0.5)]))
    assert judge.compare(image, image, Drag([((0.9, 0.9), (0.5, 0.5))], ["chin"])).item() == pytest.approx(1)
