"""Results as files and as programs of other runtimes: save, SQL, ONNX."""
