"""Looking at runs: an interactive viewer in the browser (extra `viewer`), and pictures and videos without one.

Everything under the buttons is plain functions on arrays, without viser; only `serving` and the modules of `panels`
know viser. The viewer reads archives and never a model.
"""
