"""The example plugins, installed and used."""
