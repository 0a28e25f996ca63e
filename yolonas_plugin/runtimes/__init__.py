"""Inference engines behind one small interface: pixels in, boxes and scores out."""
