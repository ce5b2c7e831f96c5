"""Training: recipes, the Lightning module, and `mda train`. The only home of Lightning and Hydra."""
