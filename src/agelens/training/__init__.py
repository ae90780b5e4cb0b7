"""Recipes, losses, the resumable trainer, the feature cache, transfer learning and fine-tuning."""
