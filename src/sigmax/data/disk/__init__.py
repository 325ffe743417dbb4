"""Files of the user: read whole or as a stream, and written whole or not at all."""
