"""SmallConv: a network small enough to learn from nothing on two CPU cores."""

import keras


def build_small_conv(
    input_shape: tuple[int, int, int], include_top: bool, weights: str | None
) -> keras.Model:
    """Four stages of a 3x3 convolution, 16 to 96 channels, each halving the side; 79,600 parameters.

    The signature is that of keras.applications. It has no pretrained weights and no top.
    """
    if include_top or weights is not None:
        raise ValueError("SmallConv has neither a top nor pretrained weights.")
    pixels = keras.Input(input_shape)
    features = pixels
    for channels in (16, 32, 64, 96):
        features = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False)(features)
        features = keras.layers.BatchNormalization(momentum=0.9)(features)
        features = keras.layers.Activation("relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    return keras.Model(pixels, features, name="SmallConv")
