"""The web app: drop photos or a video into a browser page, look at depth and cloud, take the exports away."""

from mda.app.jobs import AppLimits, Jobs
from mda.app.page import serve

__all__ = ["AppLimits", "Jobs", "serve"]
