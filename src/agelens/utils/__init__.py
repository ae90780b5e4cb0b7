"""Files, images, progress, signals and the environment: what every package uses."""
