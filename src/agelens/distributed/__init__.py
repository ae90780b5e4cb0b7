"""Many photographs: a table function that any engine can call, and the adapter to Ray."""
