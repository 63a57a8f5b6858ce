"""What is looked at, one file for each thing. A look only reads."""
