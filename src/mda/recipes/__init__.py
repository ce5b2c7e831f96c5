"""Training recipes: YAML files that set values of `mda.training.config.TrainConfig`."""
