"""The notebook's own pipeline and small network, line for line, for the programs that measure beside them."""

import keras
import pandas as pd
import tensorflow as tf

BATCH_SIZE = 32


def dataset(table: pd.DataFrame, target: str, image_size: int) -> tf.data.Dataset:
    """The notebook's batches: float32 (faces, side, side, 3) divided by 255, and one label a face."""

    def preprocess(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.read_file(path)
        image = tf.io.decode_jpeg(image)
        image = tf.image.resize(image, (image_size, image_size))
        image = image / 255.0
        return tf.cast(image, tf.float32), label

    rows = tf.data.Dataset.from_tensor_slices((table["path"].tolist(), table[target].tolist()))
    return (
        rows.shuffle(2000)
        .map(preprocess, num_parallel_calls=BATCH_SIZE)
        .batch(BATCH_SIZE)
        .prefetch(tf.data.AUTOTUNE)
    )


def backbone(name: str, image_size: int) -> keras.Model:
    """A frozen backbone without top; random weights take the same arithmetic as trained ones."""
    made = getattr(keras.applications, name)(
        input_shape=(image_size, image_size, 3), weights=None, include_top=False
    )
    made.trainable = False
    return made


def network(body: keras.Model, task: str, image_size: int) -> keras.Model:
    """The notebook's network of the comparison, compiled for "age" or "gender"."""
    made = keras.Sequential(
        [
            keras.layers.InputLayer((image_size, image_size, 3), name="InputLayer"),
            body,
            keras.layers.Dropout(0.2, name="SlightDropout"),
            keras.layers.Flatten(name="FlattenEmbeddings"),
            keras.layers.Dense(1, activation="sigmoid" if task == "gender" else None, name="Age"),
        ]
    )
    if task == "age":
        made.compile(loss=["mae"], optimizer="adam", weighted_metrics=[])
    else:
        made.compile(
            loss=["binary_crossentropy"], optimizer="adam", metrics=["accuracy"], weighted_metrics=[]
        )
    return made
