"""What a rotation would do, decided from values before anything is written."""
