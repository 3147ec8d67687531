"""Reports: one module per format, all written from the one result model."""
