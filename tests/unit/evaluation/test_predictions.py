import numpy as np
import pytest
import torch

from mda.errors import InputError
from mda.evaluation.predictions import open_prediction
from tests.eval_goldens import FakeModel

DEPTH = np.arange(3 * 4 * 5, dtype=np.float64).reshape(3, 4, 5)


def test_npz_files_are_taken_in_the_order_of_the_scene(tmp_path):
    np.savez(tmp_path / "s.npz", depth=DEPTH)
    prediction = open_prediction(tmp_path / "s", ("x.png", "y.png", "z.png"))
    assert prediction.depth(2).dtype == np.float32
    assert np.array_equal(prediction.depth(2), DEPTH[2])
    assert prediction.confidence(0) is prediction.sky(0) is prediction.mixture(0) is None


@pytest.mark.parametrize("ending", ["", ".png", ".npy"])
def test_names_decide_where_there_are_any(tmp_path, ending):
    names = np.array([f"{name}{ending}" for name in ("z", "x", "y")])
    np.savez(tmp_path / "s.npz", depth=DEPTH, names=names, confidence=DEPTH + 1, sky=DEPTH > 50)
    prediction = open_prediction(tmp_path / "s", ("x.png", "z.png"))
    assert np.array_equal(prediction.depth(0), DEPTH[1])
    assert np.array_equal(prediction.confidence(1), DEPTH[0] + 1)
    assert not prediction.sky(0).any()
    assert prediction.names == ("x.png", "z.png")


def test_one_frame_may_come_without_its_axis(tmp_path):
    np.savez(tmp_path / "s.npz", depth=DEPTH[0])
    assert open_prediction(tmp_path / "s", ("x.png",)).depth(0).shape == (4, 5)


def test_missing_frames_are_refused_and_named(tmp_path):
    np.savez(tmp_path / "s.npz", depth=DEPTH)
    with pytest.raises(InputError, match=r"s.npz holds 3 frames, the scene has 2"):
        open_prediction(tmp_path / "s", ("x.png", "y.png"))
    np.savez(tmp_path / "n.npz", depth=DEPTH, names=np.array(["a", "b", "c"]))
    with pytest.raises(InputError, match=r"n.npz holds 3 frames, the scene has 2: it lacks x.png"):
        open_prediction(tmp_path / "n", ("a.png", "x.png"))
    with pytest.raises(InputError, match=r"no prediction at .*gone"):
        open_prediction(tmp_path / "gone", ("x.png",))


def test_bad_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", disparity=DEPTH)
    with pytest.raises(InputError, match=r"other.npz lacks the array `depth`.*found disparity"):
        open_prediction(tmp_path / "other", ("x",))
    np.savez(tmp_path / "flat.npz", depth=DEPTH[0, 0])
    with pytest.raises(InputError, match=r"flat.npz holds `depth` of shape \(5,\)"):
        open_prediction(tmp_path / "flat", ("x",))
    np.savez(tmp_path / "size.npz", depth=DEPTH, confidence=DEPTH[:, :2])
    with pytest.raises(InputError, match=r"`confidence` of shape \(3, 2, 5\); expected \(3, 4, 5\)"):
        open_prediction(tmp_path / "size", ("x", "y", "z"))
    np.savez(tmp_path / "objects.npz", depth=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"objects.npz cannot be read as .npz of plain arrays"):
        open_prediction(tmp_path / "objects", ("x",))
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"text.npz cannot be read"):
        open_prediction(tmp_path / "text", ("x",))


def test_runs_are_opened_and_their_names_matched(tmp_path):
    prediction = FakeModel().predict(torch.rand(2, 3, 14, 28), ["b.png", "a.png"])
    prediction.save(tmp_path / "run")
    opened = open_prediction(tmp_path / "run", ("a.png", "b.png"))
    assert np.array_equal(opened.depth(0), prediction.depth[1].numpy())
    (tmp_path / "run" / "run.json").unlink()  # as a run of the published release: order decides
    assert np.array_equal(open_prediction(tmp_path / "run", ("a.png", "b.png")).depth(0), prediction.depth[0].numpy())
