"""Calibration files of the field, one per module: `SUFFIXES`, `read(path)`, and `write` where we write it."""
