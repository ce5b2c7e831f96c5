"""Models as folders and repositories of the Hub: `config.json`, `model.safetensors` and a model card.

The configuration names the preset, from which the network is built, so nothing in such a folder is executed.
"""

import json
import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mda import __version__
from mda.errors import CheckpointError, OutputError
from mda.inference import hub
from mda.io.atomic import make_folder, write_bytes
from mda.models import DepthNetwork
from mda.models.converting import write_weights
from mda.models.presets import PRESETS, Preset
from mda.models.variants import Variant, varied
from mda.optional import require

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_CARD_FILE = "README.md"
_LIBRARY = "mda"
_FORMAT_VERSION = 1
# Licences that the Hub knows under a name of its own; the others are "other" with a name and a link.
_HUB_LICENCES = {"Apache-2.0": "apache-2.0", "CC-BY-NC-4.0": "cc-by-nc-4.0"}


def save_pretrained(network: DepthNetwork, preset: Preset, folder: str | Path) -> Path:
    """Write a model to a folder that `mda.load` opens; returns the folder.

    Args:
        network: whose weights are written.
        preset: what is known about it.
        folder: made if need be; files of the same names are replaced.

    Raises:
        OutputError: the folder cannot be written to.
    """
    folder = Path(folder).expanduser()
    make_folder(folder)
    write_weights(folder / WEIGHTS_FILE, network.state_dict(), preset)
    write_bytes(folder / _CARD_FILE, model_card(preset).encode())
    # Last, because readers look for it first.
    write_bytes(folder / CONFIG_FILE, (json.dumps(_config(preset), indent=2) + "\n").encode())
    return folder


def push_to_hub(
    network: DepthNetwork,
    preset: Preset,
    repo_id: str,
    *,
    private: bool | None = None,
    commit_message: str | None = None,
    token: str | None = None,
    create_pr: bool = False,
) -> str:
    """Write a model to a repository of the Hub, which is made if need be; returns the address of the commit.

    Args:
        network: whose weights are written.
        preset: what is known about it.
        repo_id: owner/name.
        private: whether a new repository is private; by default as your account has it.
        commit_message: one line about the change.
        token: of your account; by default `HF_TOKEN`, or that of `hf auth login`.
        create_pr: ask the owner of the repository to take the change over, instead of writing to it.

    Raises:
        OutputError: the Hub cannot be reached or refuses.
        MissingExtraError: `huggingface_hub` is not installed.
    """
    library = require("huggingface_hub", "hub")
    remedy = f"The model is still here: save_pretrained(FOLDER), then `hf upload {repo_id} FOLDER` where it works."
    if hub.offline():
        message = f"HF_HUB_OFFLINE is set, so nothing is sent to {repo_id}. {remedy}"
        raise OutputError(message)
    api = library.HfApi(endpoint=hub.endpoint(), token=token, library_name=_LIBRARY, library_version=__version__)
    with TemporaryDirectory() as temporary:
        save_pretrained(network, preset, temporary)
        (Path(temporary) / _CARD_FILE).write_text(model_card(preset, repo_id), encoding="utf-8")
        try:
            with hub.explained(f"Cannot write to {repo_id}", remedy):
                api.create_repo(repo_id, private=private, exist_ok=True)
                commit = api.upload_folder(
                    repo_id=repo_id,
                    folder_path=temporary,
                    commit_message=commit_message or f"{preset.name}, written by mda {__version__}",
                    create_pr=create_pr,
                )
        except CheckpointError as error:
            raise OutputError(str(error)) from error
    return commit.pr_url or commit.commit_url


def read_config(path: Path) -> Preset:
    """What is known about the model of a folder, from its configuration.

    The licence is the configuration's; commercial use is allowed only if both it and the preset allow it.

    Raises:
        CheckpointError: the configuration is damaged, was written by another program, or names an unknown model.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} is not a readable JSON file ({error}). Fetch it again."
        raise CheckpointError(message) from error
    if not isinstance(config, dict) or config.get("library_name") != _LIBRARY:
        message = (
            f"{path} was not written by mda (its library_name is not {_LIBRARY!r}), so the model cannot be told. "
            "If it is one that `mda models` lists, pass its weights file with --model NAME --checkpoint FILE."
        )
        raise CheckpointError(message)
    preset = PRESETS.get(str(config.get("preset")))
    if preset is None or not _is_number_up_to(config.get("format_version"), _FORMAT_VERSION):
        message = (
            f"{path} is of the model {config.get('preset')!r} in format {config.get('format_version')!r}, which mda "
            f"{__version__} does not know. Install a newer mda: pip install -U mda"
        )
        raise CheckpointError(message)
    licence, recalibration = config.get("licence"), config.get("recalibration", preset.recalibration)
    if (
        isinstance(recalibration, bool)
        or not isinstance(recalibration, int | float)
        or not 0 < recalibration < math.inf
    ):
        message = f"{path} has the recalibration {recalibration!r}; expected a number above 0 (1 changes nothing)."
        raise CheckpointError(message)
    variant = config.get("variant")
    if isinstance(variant, str) and variant:
        preset = varied(preset, Variant.from_json(variant, str(path)))
    return replace(
        preset,
        licence_weights=licence if isinstance(licence, str) else preset.licence_weights,
        commercial=preset.commercial and config.get("commercial", True) is True,
        recalibration=float(recalibration),
    )


def model_card(preset: Preset, name: str = "FOLDER") -> str:
    """The model card: what it is, under which licence, what it is based on, and how to load it.

    Args:
        preset: what is known about the model.
        name: what to load it by: repository or folder.
    """
    terms = "" if preset.commercial else " Commercial use is not allowed."
    based = "" if preset.source is None else f"\nBased on [{preset.source.repo}]({_page(preset)}).\n"
    notes = f"\n{preset.notes}\n" if preset.notes else ""
    return f"""---
{_header(preset)}
---

# {preset.name}

{preset.title}.

- Backbone: {preset.backbone}
- Parameters: {preset.parameters / 1e6:,.1f} M
- Licence of the weights: {preset.licence_weights or "unknown"}.{terms}
- Licence of the code: {preset.licence_code}
{based}{notes}
## How to use it

```python
import mda

model = mda.load("{name}")
prediction = model.predict(["a.jpg", "b.jpg"])
prediction.save("run/")
```

On the command line: `mda predict photos/ --model {name}`.
"""


def _header(preset: Preset) -> str:
    """The part of the model card that the Hub reads."""
    lines = [f"library_name: {_LIBRARY}", "pipeline_tag: depth-estimation"]
    licence = preset.licence_weights
    if licence in _HUB_LICENCES:
        lines.append(f"license: {_HUB_LICENCES[licence]}")
    elif licence is not None:
        lines += ["license: other", f"license_name: {licence.removeprefix('LicenseRef-').lower()}"]
        if preset.source is not None:
            lines.append(f"license_link: {_page(preset)}")
    else:
        lines.append("license: unknown")
    if preset.source is not None:
        lines.append(f"base_model: {preset.source.repo}")
    lines += ["tags:", "- depth-estimation", "- mixture-density"]
    return "\n".join(lines)


def _page(preset: Preset) -> str:
    """Page of the published weights."""
    return "" if preset.source is None else f"https://huggingface.co/{preset.source.repo}"


def _config(preset: Preset) -> dict[str, Any]:
    """Content of the configuration."""
    return {
        "library_name": _LIBRARY,
        "format_version": _FORMAT_VERSION,
        "mda_version": __version__,
        "preset": preset.name,
        "variant": preset.variant,
        "licence": preset.licence_weights,
        "commercial": preset.commercial,
        "recalibration": preset.recalibration,
    }


def _is_number_up_to(value: object, highest: int) -> bool:
    """Whether a value is a whole number from 1 to `highest`."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= highest
