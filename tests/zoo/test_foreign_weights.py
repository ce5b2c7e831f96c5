"""Nothing in a weights file is ever executed."""

import os
import pickle
import zipfile

import pytest
import torch

from mda.errors import CheckpointError
from mda.models.checkpoints import read_state_dict


class Command:
    """Pickled as a call of `function` with `argument`."""

    def __init__(self, function, argument) -> None:
        self.call = (function, (argument,))

    def __reduce__(self):
        return self.call


def payloads(mark):
    make = f"open({str(mark)!r}, 'w').close()"
    return {
        "os.system": Command(os.system, f"touch {mark}"),
        "exec": Command(exec, make),
        "eval": Command(eval, make),
        "open": Command(open, str(mark)),
        "mkdir": Command(os.mkdir, str(mark)),
        "load": Command(torch.load, str(mark)),
    }


@pytest.mark.parametrize("name", payloads("x"))
@pytest.mark.parametrize("place", ["beside", "inside", "whole"])
def test_malicious_pickle_is_not_executed(tmp_path, name, place) -> None:
    mark = tmp_path / "mark"
    payload = payloads(mark)[name]
    content = {
        "beside": {"state_dict": {"a": torch.ones(2)}, "hyper_parameters": payload},
        "inside": {"state_dict": {"a": torch.ones(2), "b": payload}},
        "whole": payload,
    }[place]
    torch.save(content, tmp_path / "w.ckpt")
    try:
        state = read_state_dict(tmp_path / "w.ckpt")
    except CheckpointError as error:
        assert "w.ckpt" in str(error)  # noqa: PT017 - refusing it is as good as reading the tensors beside it
    else:
        assert place == "beside"
        assert set(state) == {"a"}
    assert not mark.exists()


def test_malicious_file_with_a_safe_name_is_not_executed(tmp_path) -> None:
    mark = tmp_path / "mark"
    data = pickle.dumps(payloads(mark)["exec"])
    (tmp_path / "w.safetensors").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("archive/data.pkl", data)
    for name in ("w.safetensors", "w.pt"):
        with pytest.raises(CheckpointError):
            read_state_dict(tmp_path / name)
    assert not mark.exists()
