"""Inference without torch: engines that run a `model.onnx`, and the stream that feeds them a video."""
