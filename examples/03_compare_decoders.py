"""One mixture, seven ways to decide: errors, flying points and time of every decoder, against exact ground truth.

    python examples/03_compare_decoders.py
    mda synth scenes --clips 4 && python examples/03_compare_decoders.py scenes/

The network runs once per clip, however many decoders look at its answer.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

import mda
from mda.data import FolderSource
from mda.evaluation.clip_scores import ClipTruth, score_depth
from mda.io.preview import colour_depth, depth_range
from mda.metrics import Tally
from mda.mixtures import GENERAL_DECODERS, Decoder
from mda.synthetic import ProceduralSource

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("scenes", type=Path, nargs="?", help="folder that `mda synth` wrote; default: scenes made now")
parser.add_argument("--clips", type=int, default=4, help="how many")
parser.add_argument(
    "--image-size", type=int, nargs=2, default=(128, 160), metavar=("H", "W"), help="of scenes made now"
)
parser.add_argument("--model", default="mda_mini")
parser.add_argument("--out", type=Path, default=Path("eval_results/examples/03_decoders.png"))
options = parser.parse_args()

if options.scenes is None:
    # Seeds that mda_mini has never seen.
    source = ProceduralSource(first_seed=100, clips=options.clips, views=(2, 2), sizes=(tuple(options.image_size),))
else:
    source = FolderSource(options.scenes)

model = mda.load(options.model)
tallies: dict[Decoder, dict[str, list[Tally]]] = defaultdict(lambda: defaultdict(list))
seconds: dict[Decoder, float] = defaultdict(float)
pictures = []

for index in range(min(options.clips, len(source))):
    clip = source.clip(index)
    height, width = clip.image_hw
    prediction = model.predict(list(clip.images), size=max(height, width))
    truth = ClipTruth.of(clip)
    if prediction.depth.shape != truth.edges.depth.shape:
        message = f"{clip.name} is {width} x {height} pixels; sides must be multiples of {model.network.patch}."
        raise SystemExit(message)
    for decoder in GENERAL_DECODERS:
        since = time.perf_counter()
        depth = prediction.mixture.decode(decoder)
        seconds[decoder] += time.perf_counter() - since
        # Sums and counts, not means: clips are added up once, below, so that every pixel weighs the same.
        for name, tally in score_depth(depth, prediction.sky, truth).items():
            tallies[decoder][name].append(tally)
        if index == 0:
            pictures.append(depth[0].numpy())

COLUMNS = {
    "abs_rel_scale_aligned": "AbsRel",
    "flying_own_surfaces": "flying points",
    "wrong_side_own_surfaces": "wrong side",
}
known = next(iter(tallies.values()))
columns = {name: title for name, title in COLUMNS.items() if name in known}
print(f"{'decoder':10}" + "".join(f"{title:>15}" for title in columns.values()) + f"{'seconds':>15}")
for decoder, scores in tallies.items():
    cells = "".join(f"{Tally.pooled(scores[name]).mean:15.1%}" for name in columns)
    print(f"{decoder.value:10}{cells}{seconds[decoder]:15.3f}")
print("Flying points and wrong sides are shares of the edge pixels where the prediction shows two surfaces.")

# The first view as every decoder sees it, one range of colours for all.
limits = depth_range(pictures, [None] * len(pictures))
strip = np.concatenate([colour_depth(depth, limits=limits) for depth in pictures], axis=1)
options.out.parent.mkdir(parents=True, exist_ok=True)
Image.fromarray(strip).save(options.out)
print(f"{options.out}: {', '.join(decoder.value for decoder in GENERAL_DECODERS)}, from left to right")
