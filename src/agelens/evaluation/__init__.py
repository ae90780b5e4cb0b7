"""What is measured: metrics, comparison, evaluation, calibration, limitations."""
