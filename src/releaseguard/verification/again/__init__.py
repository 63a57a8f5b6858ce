"""Reading the log again and again for a watch: what is kept between two looks, and what counts must keep apart."""
