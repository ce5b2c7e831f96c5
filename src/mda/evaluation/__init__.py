"""Benchmarks: predictions against ground truth."""
