"""From photographs and videos to ages and genders, with finished networks; needs no Keras."""
