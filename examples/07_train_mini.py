"""Train a tiny mixture network on procedural scenes, then use it: no downloads, about a minute on two cores.

    python examples/07_train_mini.py
    python examples/07_train_mini.py --steps 400          # all of the recipe, some minutes

Needs the extra: pip install "mda[train]". `mda train experiment=mda/mini_mog_sky` does the same from the command line.
"""

import argparse
from pathlib import Path

import mda
from mda.evaluation.clip_scores import ClipTruth, score_depth
from mda.synthetic import render_clip
from mda.training.composing import compose_config
from mda.training.main import train

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=80)
parser.add_argument("--folder", type=Path, default=Path("eval_results/examples/07_train"))
parser.add_argument("set", nargs="*", metavar="FIELD=VALUE", help="any other setting, e.g. data.views_per_batch=16")
options = parser.parse_args()

# A recipe sets values of one typed record (`mda.training.config.TrainConfig`); anything can be set beside it.
config = compose_config(
    [
        "experiment=mda/mini_mog_sky",
        f"folder={options.folder}",
        f"steps={options.steps}",
        f"optimiser.decay_steps={options.steps // 2}",
        "validate_every=20",
        "checkpoint_every=20",
        "data.validation_clips=4",
        "data.workers=0",
        "trainer.accelerator=cpu",
        "logger=csv",
        *options.set,
    ]
)
# The folder receives settings, checkpoints, numbers and pictures of held-out clips. The same call goes on from there.
weights = train(config)
print(f"Trained for {config.steps} steps: {weights}")

# The file tells which network it is for, so that one word opens it, here and in `mda predict --model FILE`.
model = mda.load(weights)
clip = render_clip(100, views=2, image_hw=(96, 128))  # a scene it has never seen
prediction = model.predict(list(clip.images), size=128)
truth = ClipTruth.of(clip)
for decoder in ("heaviest", "mean"):
    scores = score_depth(prediction.mixture.decode(decoder), prediction.sky, truth)
    error, flying = scores["abs_rel_scale_aligned"].mean, scores["flying_own_surfaces"].mean
    print(f"{decoder:9} AbsRel {error:.1%}, flying points {flying:.0%} of the resolved edge pixels")
run = prediction.save(options.folder / "prediction", overwrite=True)
print(f"Image, depth and edges: {run / 'preview.png'}")
