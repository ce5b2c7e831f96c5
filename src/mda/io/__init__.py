"""Files in and out: images, videos, run archives, point clouds and previews.

Import the module that is needed (`mda.io.images`, `.clips`, `.resize`, `.video`, `.archive`, `.ply`, `.preview`);
nothing is imported here, so that reading a run does not load a video decoder.
"""
