"""What the renderings of every document are made with."""
