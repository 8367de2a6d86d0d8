"""Put labels where they are used."""
