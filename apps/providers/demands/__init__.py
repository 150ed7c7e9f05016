"""What is asked of each task beside chat, and what is answered: a file a task."""
