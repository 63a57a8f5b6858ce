"""What is examined, one file for each subject. Every look only reads."""
