"""The version of the package: of `sigmax.__version__`, and of the files it writes."""

__version__ = "0.1.0"
