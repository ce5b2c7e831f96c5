import numpy as np
import torch

from mda.data.degrade import adjust_colour, degrade


def test_factor_one_changes_nothing():
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(degrade(images, 1), images)


def test_flat_images_stay_flat_and_sharp_ones_lose_contrast():
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert torch.allclose(degrade(flat, 4), flat)
    stripes = torch.zeros(1, 3, 16, 16)
    stripes[..., ::2] = 1
    assert degrade(stripes, 4).std() < 0.2 * stripes.std()


def test_the_mean_is_kept_and_the_range_too():
    images = torch.rand(1, 3, 32, 32)
    blurred = degrade(images, 2)
    assert abs(blurred.mean() - images.mean()) < 0.01
    assert blurred.min() >= 0
    assert blurred.max() <= 1


def test_sizes_that_the_factor_does_not_divide_keep_their_shape():
    assert degrade(torch.rand(3, 7, 5), 4).shape == (3, 7, 5)


def test_colour_follows_the_generator_and_is_the_same_in_all_views():
    images = torch.rand(1, 3, 4, 4).expand(2, -1, -1, -1)
    first = adjust_colour(images, np.random.default_rng(3), strength=0.1)
    again = adjust_colour(images, np.random.default_rng(3), strength=0.1)
    assert torch.equal(first, again)
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], images[0])
    assert torch.allclose(adjust_colour(images, np.random.default_rng(3), strength=0.0), images, atol=1e-6)
