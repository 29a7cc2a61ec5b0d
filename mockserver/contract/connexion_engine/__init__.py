"""The engine that lets Connexion decide: the only folder that imports Connexion."""
