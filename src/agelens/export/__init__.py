"""From a trained network to the ONNX file and the card of a bundle."""
