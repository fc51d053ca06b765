from __future__ import annotations

import torch

from misen.nn.fusion.correspondence import attention, centres, correlation, directions, expected_places, warp


def places(height: int, width: int) -> torch.Tensor:
    """(2, S, height, width): directions that no other place has."""
    return directions(torch.randn(2, 24, height, width, generator=torch.Generator().manual_seed(0)))


def test_directions_are_centred_over_channels_and_of_unit_length():
    unit = places(4, 6)
    assert unit.mean(1).abs().max() < 1e-6
    torch.testing.assert_close(unit.square().sum(1), torch.ones(2, 4, 6))
    torch.testing.assert_close(directions(3 * unit + 7), unit)


def test_correlation_is_the_cosine_of_two_places():
    first, second = places(3, 4), places(3, 4).flip(3)
    cosines = correlation(first, second)
    assert cosines.shape == (2, 12, 12)
    torch.testing.assert_close(cosines[1, 5, 2], first[1, :, 1, 1] @ second[1, :, 0, 2])


def test_equal_features_find_themselves():
    shares = attention(correlation(places(16, 16), places(16, 16)))
    assert torch.equal(shares.argmax(2), torch.arange(256).expand(2, -1))
    torch.testing.assert_close(shares.sum(2), torch.ones(2, 256))
    torch.testing.assert_close(expected_places(shares, 16), centres(16, 16).expand(2, -1, -1), atol=1e-3, rtol=0)
    image = torch.randn(2, 5, 16, 16)
    torch.testing.assert_close(warp(shares, image, 16), image, atol=1e-3, rtol=0)


def test_what_was_shifted_is_found_where_it_is():
    shares = attention(correlation(places(8, 8), places(8, 8).roll(2, dims=3)))
    shift = (expected_places(shares, 8) - centres(8, 8)).unflatten(1, (8, 8))
    torch.testing.assert_close(shift[:, :, :6], torch.tensor([2 / 8, 0.0]).expand(2, 8, 6, 2), atol=1e-3, rtol=0)


def test_attention_is_a_softmax_of_a_hundred_cosines():
    cosines = torch.tensor([[[0.5, 0.49, -1.0]]])
    torch.testing.assert_close(attention(cosines)[0, 0, 0] / attention(cosines)[0, 0, 1], torch.tensor(1.0).exp())


def test_places_are_counted_row_by_row_with_x_first():
    assert centres(2, 3)[4].tolist() == [0.5, 0.75]
    shares = torch.zeros(1, 1, 6)
    shares[..., [3, 5]] = 0.5
    torch.testing.assert_close(expected_places(shares, 2), torch.tensor([[[0.5, 0.75]]]))
    assert warp(shares, torch.arange(6.0).view(1, 1, 2, 3), rows=1).tolist() == [[[[4.0]]]]
