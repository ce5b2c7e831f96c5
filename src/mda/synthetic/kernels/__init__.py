"""The inner loops: compiled functions on records and arrays, which they fill in place."""
