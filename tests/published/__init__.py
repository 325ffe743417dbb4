"""Figures that other packages published, as they printed them."""
