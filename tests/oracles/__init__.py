"""Independent reference computations that the tests hold sigmax against."""
