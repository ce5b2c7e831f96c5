"""Benchmarks' data sets as their publishers lay them out: which frames, at which size, and what is true of them."""
