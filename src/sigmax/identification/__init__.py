"""What data can say about parameters: columns that depend on others, and the choice of a parametrisation."""
