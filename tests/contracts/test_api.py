"""The public surface: names, signatures and fields that users rely on."""

import inspect
from dataclasses import fields, is_dataclass

import pytest

import mda
from mda.inference import Predictor
from mda.mixtures import Decoder


def test_public_names():
    assert set(mda.__all__) == {"Cameras", "DepthMixture", "Prediction", "__version__", "load"}
    for name in mda.__all__:
        assert getattr(mda, name) is not None
    assert set(dir(mda)) == set(mda.__all__)


def test_other_names_are_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'mda' has no attribute 'loda'"):
        _ = mda.loda


def test_load_takes_a_name_and_keywords():
    parameters = inspect.signature(mda.load).parameters
    assert list(parameters) == ["name_or_path", "checkpoint", "device", "commercial", "recalibration"]
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in list(parameters)[1:])


def test_a_predictor_can_be_published():
    assert list(inspect.signature(Predictor.save_pretrained).parameters) == ["self", "folder"]
    assert list(inspect.signature(Predictor.push_to_hub).parameters)[:2] == ["self", "repo_id"]


def test_predict_takes_inputs_and_keywords():
    first, *others = list(inspect.signature(Predictor.predict).parameters.values())[1:]
    assert first.name == "inputs"
    assert {"size", "decoder", "fps", "stride", "max_views", "order", "keep_mixture", "cameras"} == {
        other.name for other in others
    }
    assert all(other.kind is inspect.Parameter.KEYWORD_ONLY for other in others)


@pytest.mark.parametrize(
    ("record", "members"),
    [
        (
            mda.Prediction,
            "images names depth mixture p_sky sky cameras confidence decoder model licence points save export",
        ),
        (mda.Cameras, "world_from_cam cam_from_world intrinsics image_hw resized cropped"),
        (
            mda.DepthMixture,
            "locs scales log_weights family space decode log_prob cdf quantile mean std entropy crps layers",
        ),
    ],
)
def test_members_of_the_records(record, members):
    assert is_dataclass(record)
    assert record.__dataclass_params__.frozen
    known = {field.name for field in fields(record)} | set(dir(record))
    assert set(members.split()) <= known


def test_every_decoder_of_the_plan_is_there():
    assert {str(decoder) for decoder in Decoder} >= {
        "mode", "component", "heaviest", "mean", "median", "front", "back",
    }  # fmt: skip
