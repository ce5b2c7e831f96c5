import numpy as np
import pytest

from mda.data.views import DepthRule, FileCamera, make_view
from mda.errors import InputError


def view(depth, *, rule=None, pose=None, matrix=None, image=None, **more):
    depth = np.asarray(depth, np.float32)
    return make_view(
        name="set/scene/7",
        image=np.full((*depth.shape, 3), 100, np.uint8) if image is None else image,
        depth=depth,
        camera=FileCamera(
            intrinsics=np.diag([50.0, 50, 1]) if matrix is None else matrix,
            world_from_cam=np.eye(4) if pose is None else pose,
        ),
        rule=rule or DepthRule(),
        **more,
    )


ODD = [[1.0, 0.0, -1.0], [np.nan, np.inf, -np.inf], [5.0, 10.0, 2000.0]]


def test_odd_depths_are_unknown_without_a_rule():
    found = view(ODD)
    assert found.valid.tolist() == [[True, False, False], [False, False, False], [True, True, True]]
    assert not found.depth[~found.valid].any()
    assert not found.sky_labelled.any()


def test_far_depth_is_sky_where_the_source_says_so():
    found = view(ODD, rule=DepthRule(far=1000.0, far_is_sky=True, sky_known=True))
    assert found.sky.tolist() == [[False, False, False], [False, True, False], [False, False, True]]
    # Three states: what has no depth and is not far could be anything.
    assert found.sky_labelled.tolist() == [[True, False, False], [False, True, False], [True, True, True]]


def test_far_depth_is_unknown_where_the_source_has_no_sky():
    found = view(ODD, rule=DepthRule(far=8.0, sky_known=True))
    assert found.valid.sum() == 2
    assert not found.sky.any()
    assert np.array_equal(found.sky_labelled, found.valid)


def test_a_sky_mask_labels_all_pixels_and_takes_their_depth():
    sky = np.zeros((3, 3), bool)
    sky[0, 0] = True
    found = view(ODD, sky=sky)
    assert found.sky_labelled.all()
    assert not found.valid[0, 0]
    assert found.depth[0, 0] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pose": np.ones((4, 4))}, "pose is not a rigid motion"),
        ({"pose": np.full((4, 4), np.nan)}, "pose is not a rigid motion"),
        ({"pose": np.diag([1.0, 1, -1, 1])}, "pose is not a rigid motion"),
        ({"pose": np.vstack([np.eye(4)[:3], [1, 2, 3, 4]])}, "pose is not a rigid motion"),
        ({"pose": np.eye(4) + np.array([[0, 0, 0, 1e60], *[[0] * 4] * 3])}, "pose is not a rigid motion"),
        ({"matrix": np.diag([50.0, 50, 2])}, "intrinsics"),
        ({"matrix": np.array([[50.0, 50, 30], [0, 50, 20], [0, 0, 1]])}, "intrinsics"),
        ({"matrix": np.diag([1e300, 50, 1])}, "intrinsics"),
        ({"matrix": np.diag([0.0, 50, 1])}, "intrinsics"),
        ({"matrix": np.full((3, 3), np.inf)}, "intrinsics"),
        ({"image": np.zeros((3, 3, 3), np.uint8)}, "black"),
        ({"image": np.ones((3, 4, 3), np.uint8)}, "3 x 3 pixels, the image 4 x 3"),
    ],
)
def test_frames_that_make_no_sense_are_refused_by_name(change, message):
    with pytest.raises(InputError, match=rf"set/scene/7.*{message}"):
        view(ODD, **change)


def test_frames_without_any_label_are_refused():
    with pytest.raises(InputError, match="no pixel has a usable depth"):
        view(np.zeros((3, 3)))
