"""A study: the resumable run and its steps."""
