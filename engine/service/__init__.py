"""The service: front-ends send prompts over HTTP and get masks back."""
