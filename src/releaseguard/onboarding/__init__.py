"""What a service brings to a first configuration: what it recognises, its questions, its section of the file."""
