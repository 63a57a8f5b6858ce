"""The integration health page, as ``health`` prints it."""
