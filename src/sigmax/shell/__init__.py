"""The commands of the shell, one a module; :mod:`sigmax.cli` runs them."""
