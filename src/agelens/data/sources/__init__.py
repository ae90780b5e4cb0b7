"""One module for each format or place that faces come from; nothing else knows file formats."""
