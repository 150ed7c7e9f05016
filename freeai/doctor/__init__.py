"""What is known to go wrong with an installation, looked for: each finding says what to do."""
