"""From the bytes of an image file to RGB, one module for each part of the way; `agelens.utils.images` puts them
together.
"""
