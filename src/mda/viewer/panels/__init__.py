"""The controls of the viewer, one module for each folder of the panel."""
