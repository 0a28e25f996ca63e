"""Boxes: selecting them from a network's predictions, cutting them at an image's edges, arrays of one image's."""
