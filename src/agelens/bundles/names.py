"""What the files of a bundle are called."""

NETWORK, CARD, TRAINING_IMAGES, PAGE, SUMS = FILES = (
    "network.onnx",
    "card.json",
    "training_images.csv",
    "card.html",
    "SHA256SUMS",
)
