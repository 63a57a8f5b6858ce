"""Where an incident looks: what is asked there, once, and what its failure is called."""
